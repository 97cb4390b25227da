import { JsonMalformed } from './errors.ts'

/** Objects and lists inside each other; more than any real document, far less than what would exhaust the stack. */
const deepest = 100

/**
 * Reads JSON from a caller. Unlike JSON.parse it refuses what would be read in two ways: keys given twice, keys that reach for an object's
 * prototype, NUL and unpaired surrogates in text. Numbers that a double cannot hold to the last digit come as text, so that amounts
 * stay exact.
 * @param field where the text stands in the caller's input; '' for the body
 * @throws JsonMalformed
 */
export function parseJson(text: string, field = ''): unknown {
  return new Parser(text, field).document()
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON refuses in a text
const plainText = /[^"\\\u0000-\u001f]*/y
const numberText = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const blanks = /[ \t\n\r]*/y

class Parser {
  readonly #text: string
  readonly #field: string
  #at = 0

  constructor(text: string, field: string) {
    this.#text = text
    this.#field = field
  }

  document(): unknown {
    this.#skip()
    const value = this.#value(0, '')
    this.#skip()
    if (this.#at < this.#text.length) this.#refuse('something follows its end')
    return value
  }

  #value(depth: number, path: string): unknown {
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#object(depth + 1, path)
      case 0x5b:
        return this.#list(depth + 1, path)
      case 0x22:
        return this.#string(path)
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(depth: number, path: string): Record<string, unknown> {
    if (depth > deepest) this.#refuse(`it is nested more than ${deepest} levels deep`)
    const object: Record<string, unknown> = {}
    this.#at++
    this.#skip()
    if (this.#take(0x7d)) return object
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== 0x22) this.#refuse('a key in quotes is expected')
      const key = this.#string(path)
      if (key === '__proto__') this.#refuse('"__proto__" cannot be a key', path + key)
      if (Object.hasOwn(object, key)) this.#refuse(`the key "${key.slice(0, 80)}" is given twice`, path + key.slice(0, 80))
      this.#skip()
      if (!this.#take(0x3a)) this.#refuse('a colon is expected')
      this.#skip()
      const value = this.#value(depth, `${path}${key}.`)
      if (key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype'))
        this.#refuse('"constructor.prototype" cannot be set', `${path}constructor.prototype`)
      object[key] = value
      this.#skip()
      if (this.#take(0x7d)) return object
      if (!this.#take(0x2c)) this.#refuse('a comma or the end of an object is expected')
      this.#skip()
    }
  }

  #list(depth: number, path: string): unknown[] {
    if (depth > deepest) this.#refuse(`it is nested more than ${deepest} levels deep`)
    const list: unknown[] = []
    this.#at++
    this.#skip()
    if (this.#take(0x5d)) return list
    const stem = path.endsWith('.') ? path.slice(0, -1) : path
    for (;;) {
      list.push(this.#value(depth, `${stem}[${list.length}].`))
      this.#skip()
      if (this.#take(0x5d)) return list
      if (!this.#take(0x2c)) this.#refuse('a comma or the end of a list is expected')
      this.#skip()
    }
  }

  #string(path: string): string {
    const start = this.#at
    plainText.lastIndex = start + 1
    plainText.test(this.#text)
    this.#at = plainText.lastIndex
    if (this.#take(0x22)) return this.#text.slice(start + 1, this.#at - 1)
    // It holds escapes: find its end, and let the engine read them.
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === 0x5c) this.#at += 2
      else if (code === 0x22) break
      else if (Number.isNaN(code)) this.#refuse('a text does not end')
      else if (code < 0x20) this.#refuse('a control character in a text must be escaped')
      else {
        plainText.lastIndex = this.#at
        plainText.test(this.#text)
        this.#at = plainText.lastIndex
      }
    }
    this.#at++
    let value: string
    try {
      value = JSON.parse(this.#text.slice(start, this.#at)) as string
    } catch {
      this.#at = start
      return this.#refuse('a text holds an unknown escape')
    }
    const place = path.endsWith('.') ? path.slice(0, -1) : path
    if (value.includes('\0')) this.#refuse('a text holds the character NUL', place)
    if (!value.isWellFormed()) this.#refuse('a text holds half a character (an unpaired surrogate)', place)
    return value
  }

  #number(): number | string {
    numberText.lastIndex = this.#at
    if (!numberText.test(this.#text)) return this.#refuse('a value is expected')
    const text = this.#text.slice(this.#at, numberText.lastIndex)
    this.#at = numberText.lastIndex
    const number = Number(text)
    // Up to 15 digits a double gives back what was written.
    return text.length <= 15 && Number.isFinite(number) ? number : exactOrText(text, number)
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#refuse('a value is expected')
    this.#at += word.length
    return value
  }

  #skip(): void {
    if (this.#text.charCodeAt(this.#at) > 0x20) return
    blanks.lastIndex = this.#at
    blanks.test(this.#text)
    this.#at = blanks.lastIndex
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false
    this.#at++
    return true
  }

  #refuse(reason: string, field = ''): never {
    const place = [this.#field, field].filter(Boolean).join('.')
    throw new JsonMalformed({ field: place.slice(0, 200), reason: `${reason} (character ${this.#at + 1})` })
  }
}

function exactOrText(text: string, number: number): number | string {
  if (!Number.isFinite(number)) return text
  return String(number) === text || significantDigits(text) <= 15 ? number : text
}

function significantDigits(text: string): number {
  const digits = text
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
  return digits.replace(/0+$/, '').length
}
