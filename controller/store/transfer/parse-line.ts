import { BadLine, numberForm } from './format.js'

/** A line of InfluxDB's line protocol. Escapes are undone; the time is as it stands there. */
export interface ParsedLine {
  readonly measurement: string
  readonly tags: ReadonlyMap<string, string>
  readonly fields: ReadonlyMap<string, number | string | boolean>
  readonly time: string
}

/** `measurement[,tag=value…] field=value[,field=value…] time` (docs.influxdata.com, line protocol of 1.x). @throws BadLine */
export function parseLine(line: string): ParsedLine {
  const input = new LineReader(line)
  const measurement = input.until(', ')
  const tags = new Map<string, string>()
  while (input.takes(',')) {
    const name = input.until('= ,')
    if (!input.takes('=')) throw new BadLine(`= after the tag ${name}`, input.rest)
    const value = input.until(', ')
    if (tags.has(name)) throw new BadLine('each tag once', name)
    tags.set(name, value)
  }
  if (!input.takes(' ')) throw new BadLine('a space before the fields', input.rest)
  const fields = new Map<string, number | string | boolean>()
  do {
    const name = input.until('= ,')
    if (!input.takes('=')) throw new BadLine(`= after the field ${name}`, input.rest)
    const value = input.takes('"') ? input.text() : valueOf(name, input.until(', '))
    if (fields.has(name)) throw new BadLine('each field once', name)
    fields.set(name, value)
  } while (input.takes(','))
  if (!input.takes(' ')) throw new BadLine('a space and a time after the fields', input.rest)
  return { measurement, tags, fields, time: input.rest }
}

function valueOf(name: string, text: string): number | boolean {
  if (numberForm.test(text)) return Number(text)
  if (/^-?\d+[iu]$/.test(text)) return Number(text.slice(0, -1))
  if (/^(t|true)$/i.test(text)) return true
  if (/^(f|false)$/i.test(text)) return false
  throw new BadLine(`a value of the field ${name}`, text)
}

class LineReader {
  #at = 0

  constructor(private readonly line: string) {}

  get rest(): string {
    return this.line.slice(this.#at)
  }

  takes(character: string): boolean {
    if (this.line[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  /** A name or a value that is not quoted, at least one character; a backslash takes commas, spaces and `=` for what they are. */
  until(ends: string): string {
    const from = this.#at
    let isEscaped = false
    while (this.#at < this.line.length && !ends.includes(this.line[this.#at] ?? '')) {
      const next = this.line[this.#at + 1] ?? ''
      const escapes = this.line[this.#at] === '\\' && next !== '' && ', ='.includes(next)
      isEscaped ||= escapes
      this.#at += escapes ? 2 : 1
    }
    const text = this.line.slice(from, this.#at)
    if (text === '') throw new BadLine('a name or a value', this.rest)
    return isEscaped ? text.replaceAll(/\\([, =])/g, '$1') : text
  }

  /** What stands in quotes, of which the first is taken. */
  text(): string {
    const from = this.#at
    while (this.line[this.#at] !== '"') {
      if (this.#at >= this.line.length) throw new BadLine('a quote that ends the text', this.line.slice(from))
      this.#at += this.line[this.#at] === '\\' ? 2 : 1
    }
    this.#at += 1
    return this.line.slice(from, this.#at - 1).replaceAll(/\\(["\\])/g, '$1')
  }
}
