/**
 * Checks of single fields from the network. What is wrong is left out and counted by field name; the rest of the message
 * stands, so that one bad figure never blanks a host.
 */
export class FieldCheck {
  /** How often each field was refused or cleaned. */
  readonly refused = new Map<string, number>()

  refuse(field: string): undefined {
    this.refused.set(field, (this.refused.get(field) ?? 0) + 1)
    return undefined
  }

  /** Text without control characters and lone surrogates, cut to `max` characters. What was no UTF-8 has become U+FFFD. */
  text(field: string, value: string, max = 256): string {
    const cut = value.slice(0, max).toWellFormed()
    const cleaned = cut.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
    if (cleaned !== value || cut.includes('\uFFFD')) this.refuse(field)
    return cleaned
  }

  /** A name that becomes a key: never blank. */
  key(field: string, value: string, max = 256): string | undefined {
    const text = this.text(field, value, max)
    return text.trim() === '' ? this.refuse(field) : text
  }

  /** An id that is joined with others into names of series: no slash, no blank. Refused as a whole, never cleaned. */
  id(field: string, value: string): string | undefined {
    return idPattern.test(value) ? value : this.refuse(field)
  }

  uuid(field: string, value: string): string | undefined {
    return uuidPattern.test(value) ? value.toLowerCase() : this.refuse(field)
  }

  /** A whole number from 0 to 2^53 − 1; undefined stays undefined. */
  count(field: string, value: bigint | number | undefined): number | undefined {
    if (value === undefined) return undefined
    const number = Number(value)
    return Number.isSafeInteger(number) && number >= 0 ? number : this.refuse(field)
  }

  /** A finite number of 0 or more, at most `max`; undefined stays undefined. */
  real(field: string, value: number | undefined, max = 1e15): number | undefined {
    if (value === undefined) return undefined
    return Number.isFinite(value) && value >= 0 && value <= max ? value : this.refuse(field)
  }

  /** The first `max` items. */
  list<Item>(field: string, items: readonly Item[], max: number): readonly Item[] {
    if (items.length <= max) return items
    this.refuse(field)
    return items.slice(0, max)
  }

  /** The items that have a key which none before them has. */
  unique<Item>(field: string, items: readonly Item[], keyOf: (item: Item) => string): readonly Item[] {
    const seen = new Set<string>()
    return items.filter((item) => {
      const key = keyOf(item)
      if (seen.has(key)) {
        this.refuse(field)
        return false
      }
      seen.add(key)
      return true
    })
  }

  /** The values that are there. */
  numbers(values: Readonly<Record<string, number | undefined>>): Readonly<Record<string, number>> {
    const kept: Record<string, number> = {}
    for (const [name, value] of Object.entries(values)) if (value !== undefined) kept[name] = value
    return kept
  }
}

const idPattern = /^[\w.:-]{1,64}$/
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
