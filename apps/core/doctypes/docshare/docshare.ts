import type { Context } from '#kernel/context/context.ts'
import { defineError } from '#client/rules/errors.ts'
import { Document } from '#kernel/documents/document.ts'
import { can } from '#kernel/permissions/grants.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { documentAbout } from '../../collaboration/about.ts'

interface DocShareFields {
  user: string | null
  everyone: 0 | 1
  share_doctype: string
  share_name: string
  read: 0 | 1
  write: 0 | 1
  share: 0 | 1
  submit: 0 | 1
}

export const ShareWithNobody = defineError<{ field: string }>({
  code: 'core/share-with-nobody',
  status: 417,
  excType: 'ValidationError',
  message: () => 'Say with whom to share: a user, or everyone.',
})

/** A right on one document, given to one user or to everyone. Nobody can give away a right they do not hold. */
export default class DocShare extends Document<DocShareFields> {
  async validate(ctx: Context): Promise<void> {
    if (this.everyone) this.user = null
    else if (!this.user) throw new ShareWithNobody({ field: 'user' })
    if (this.write || this.share || this.submit) this.read = 1
    const document = await documentAbout(ctx, this.share_doctype, this.share_name, 'share')
    for (const right of ['read', 'write', 'share', 'submit'] as const)
      if (this[right] && !(await can(ctx, right, this.share_doctype, document)))
        throw new PermissionDenied({ doctype: this.share_doctype, action: right })
  }

  async on_trash(ctx: Context): Promise<void> {
    await documentAbout(ctx, this.share_doctype, this.share_name, 'share')
  }
}
