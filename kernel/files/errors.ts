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
