import type { Site } from '#kernel/sites/site.ts'
import { StoreMisconfigured } from './errors.ts'

/** Where a site's bucket is, and the key to it. */
export interface S3Settings {
  /** Where this process finds the service. */
  readonly endpoint: URL
  /** Where browsers find it: the same, unless `s3_public_endpoint` says otherwise. */
  readonly publicEndpoint: URL
  readonly region: string
  readonly bucket: string
  readonly accessKey: string
  readonly secretKey: string
  /** The bucket stands in the path; otherwise before the host's name. */
  readonly isPathStyle: boolean
  /** What keys begin with, without a slash at the end. Ends in the site's host, so that no site reaches another's files. */
  readonly prefix: string
  /** Browsers are sent to the bucket for what they may have. */
  readonly isHandedOver: boolean
}

/** The keys `s3_…` of a site's configuration. @throws StoreMisconfigured */
export function readS3Settings(site: Pick<Site, 'config' | 'host'>): S3Settings {
  const text = (key: string): string => {
    const value = site.config[key]
    return typeof value === 'string' ? value.trim() : ''
  }
  const needed = (key: string): string => {
    const value = text(key)
    if (value === '') throw new StoreMisconfigured({ field: key, reason: 'it is not set' })
    return value
  }
  const bucket = needed('s3_bucket')
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new StoreMisconfigured({ field: 's3_bucket', reason: 'no bucket can be called so' })
  const region = text('s3_region') || 'us-east-1'
  const endpoint = address('s3_endpoint', text('s3_endpoint') || `https://s3.${region}.amazonaws.com`)
  return {
    endpoint,
    publicEndpoint: text('s3_public_endpoint') ? address('s3_public_endpoint', text('s3_public_endpoint')) : endpoint,
    region,
    bucket,
    accessKey: needed('s3_access_key'),
    secretKey: needed('s3_secret_key'),
    // Other services than Amazon's rarely have a name in DNS for each bucket.
    isPathStyle: typeof site.config.s3_path_style === 'boolean' ? site.config.s3_path_style : !endpoint.hostname.endsWith('.amazonaws.com'),
    prefix: [...text('s3_prefix').split('/').filter(Boolean), site.host].join('/'),
    isHandedOver: site.config.s3_redirect === true,
  }
}

function address(field: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.search !== '')
    throw new StoreMisconfigured({ field, reason: 'it is no address such as https://s3.example.com' })
  return url
}
