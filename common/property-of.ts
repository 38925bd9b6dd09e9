/** A property of something of which nothing is known, such as parsed JSON; undefined if it is no object or has no such property. */
export function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
