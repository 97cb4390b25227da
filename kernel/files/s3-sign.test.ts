import assert from 'node:assert/strict'
import { test } from 'node:test'
import { presignedUrl, queryText, signedHeaders } from './s3-sign.ts'

// The key, the requests and the signatures that Amazon's documentation of version 4 gives as examples.
const signer = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', region: 'us-east-1' }
const now = Date.UTC(2013, 4, 24)
const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const host = 'https://examplebucket.s3.amazonaws.com'
const signatureOf = (headers: Record<string, string>) => headers.authorization?.split('Signature=')[1]

test('requests are signed as in the examples of Amazon', () => {
  assert.equal(
    signatureOf(signedHeaders(signer, 'GET', new URL(`${host}/test.txt`), { range: 'bytes=0-9' }, nothing, now)),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
  const put = { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' }
  assert.equal(
    signatureOf(
      signedHeaders(
        signer,
        'PUT',
        new URL(`${host}/test%24file.text`),
        put,
        '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        now,
      ),
    ),
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  )
  assert.equal(
    signatureOf(signedHeaders(signer, 'GET', new URL(`${host}/?max-keys=2&prefix=J`), {}, nothing, now)),
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  )
})

test('an address is signed as in the example of Amazon', () => {
  const url = new URL(presignedUrl(signer, new URL(`${host}/test.txt`), 86_400, now))
  assert.equal(url.searchParams.get('X-Amz-Signature'), 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404')
})

test('a query is spelt as it is signed', () => {
  assert.equal(
    queryText(new URLSearchParams({ uploads: '', b: "it's (1+2)", a: 'ä/ö' })),
    'a=%C3%A4%2F%C3%B6&b=it%27s%20%281%2B2%29&uploads=',
  )
})
