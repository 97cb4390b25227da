import { generateKeyPairSync, sign } from 'node:crypto'

/** A key and a certificate that says so itself, as identity providers have them. */
export interface Certified {
  /** PEM. */
  readonly privateKey: string
  /** PEM. */
  readonly certificate: string
}

/** Makes an RSA key with a self-signed X.509 certificate, valid from yesterday for a year. */
export function selfSigned(commonName: string): Certified {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const algorithm = sequence(bytes(0x06, [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]), bytes(0x05, []))
  const name = sequence(bytes(0x31, sequence(bytes(0x06, [0x55, 0x04, 0x03]), bytes(0x0c, Buffer.from(commonName)))))
  const day = 86_400_000
  const body = sequence(
    bytes(0x02, [1]),
    algorithm,
    name,
    sequence(time(Date.now() - day), time(Date.now() + 365 * day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', body, privateKey)
  const der = sequence(body, algorithm, bytes(0x03, Buffer.concat([Buffer.of(0), signature])))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  }
}

function bytes(tag: number, content: Uint8Array | number[]): Buffer {
  const body = Buffer.from(content)
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

function sequence(...parts: Buffer[]): Buffer {
  return bytes(0x30, Buffer.concat(parts))
}

function time(ms: number): Buffer {
  return bytes(0x17, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`))
}
