const collator = new Intl.Collator('en', { numeric: true })

/** Compares names as people count: web2 before web10. The same on every machine. */
export function byName(a: string, b: string): number {
  return collator.compare(a, b)
}
