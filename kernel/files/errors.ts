import { defineError } from '#client/rules/errors.ts'

export const FileTooLarge = defineError<{ field: string; limit: number }>({
  code: 'files/too-large',
  status: 413,
  excType: 'MaxFileSizeReachedError',
  message: (d) => `A file may have at most ${Math.floor(d.limit / 1024 / 1024)} MB.`,
})

export const FileMissing = defineError<{ field: string }>({
  code: 'files/missing',
  status: 417,
  excType: 'ValidationError',
  message: () => 'No file was sent.',
})

export const FileNotFound = defineError<{ url: string }>({
  code: 'files/not-found',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'There is no such file.',
})

/** Also for a private file that is not there: nobody learns which it is. */
export const FileDenied = defineError<{ url: string }>({
  code: 'files/denied',
  status: 403,
  excType: 'PermissionError',
  message: () => 'There is no such file, or it is not for you.',
})

export const FileUrlRefused = defineError<{ field: string; url: string }>({
  code: 'files/url-refused',
  status: 417,
  excType: 'ValidationError',
  message: () => 'The address must be that of a web page (https://…) or of a file on this site that you may read.',
})

export const ExtensionRefused = defineError<{ field: string; extension: string }>({
  code: 'files/extension-refused',
  status: 417,
  excType: 'FileTypeNotAllowed',
  message: (d) => `Files of type "${d.extension}" cannot be uploaded here.`,
})

export const ChunkRefused = defineError<{ field: string; reason: string; received: number }>({
  code: 'files/chunk-refused',
  status: 409,
  excType: 'ValidationError',
  message: (d) => `This part of the file cannot be taken: ${d.reason}.`,
})

export const UploadsClosed = defineError({
  code: 'files/uploads-closed',
  status: 403,
  excType: 'PermissionError',
  message: () => 'Sign in to upload files.',
})

export const UploadBroken = defineError<{ reason: string }>({
  code: 'files/upload-broken',
  status: 400,
  excType: 'ValidationError',
  message: (d) => `The upload did not arrive whole: ${d.reason}.`,
})

export const FolderUnknown = defineError<{ field: string; folder: string }>({
  code: 'files/folder-unknown',
  status: 417,
  excType: 'LinkValidationError',
  message: (d) => `There is no folder "${d.folder}".`,
})

export const FolderNotEmpty = defineError<{ folder: string }>({
  code: 'files/folder-not-empty',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `Folder ${d.folder} holds files; move or delete them first.`,
})

export const StoreUnavailable = defineError<{ reason: string; mayPass: boolean }>({
  code: 'files/store-unavailable',
  status: 503,
  excType: 'ServiceUnavailableError',
  message: () => 'The place where files are kept does not answer at the moment.',
})

export const StoreMisconfigured = defineError<{ field: string; reason: string }>({
  code: 'files/store-misconfigured',
  status: 503,
  excType: 'ServiceUnavailableError',
  message: (d) => `The place where files are kept is not set up: ${d.field}: ${d.reason}.`,
})

/** The disk on which files arrive is full. */
export const NoRoom = defineError<{ field: string }>({
  code: 'files/no-room',
  status: 507,
  excType: 'ValidationError',
  message: () => 'There is no room for this file at the moment.',
})

export const AttachmentLimitReached = defineError<{ field: string; doctype: string; limit: number }>({
  code: 'files/attachment-limit',
  status: 417,
  excType: 'AttachmentLimitReached',
  message: (d) => `A ${d.doctype} may have at most ${d.limit} attachments.`,
})

export const QuotaReached = defineError<{ field: string; limit: number }>({
  code: 'files/quota-reached',
  status: 413,
  excType: 'MaxFileSizeReachedError',
  message: (d) =>
    `With this file there would be more than the ${Math.floor(d.limit / 1024 / 1024)} MB that may be kept; delete others first.`,
})

export const NoPreview = defineError<{ url: string }>({
  code: 'files/no-preview',
  status: 404,
  excType: 'DoesNotExistError',
  message: () => 'There is no small picture of this file.',
})

export const PicturesBusy = defineError({
  code: 'files/pictures-busy',
  status: 503,
  excType: 'ServiceUnavailableError',
  message: () => 'Too many pictures are being made at the moment; try again shortly.',
})

export const PictureUnreadable = defineError<{ field: string }>({
  code: 'files/picture-unreadable',
  status: 417,
  excType: 'ValidationError',
  message: () => 'This picture is damaged, or too large to be made smaller.',
})

export const ArchiveRefused = defineError<{ field: string; reason: string }>({
  code: 'files/archive-refused',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `This archive cannot be unpacked: ${d.reason}.`,
})

export const TooMuchToPack = defineError<{ field: string; reason: string }>({
  code: 'files/too-much-to-pack',
  status: 413,
  excType: 'ValidationError',
  message: (d) => `These files cannot be packed together: ${d.reason}.`,
})
