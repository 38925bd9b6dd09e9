import fc from 'fast-check'

/** A text with a piece cut out of it anywhere, and something else in its place. */
export function damaged(whole: string, mostCut = 200): fc.Arbitrary<string> {
  const instead = fc.string({ maxLength: 5 })
  return fc
    .tuple(fc.nat(whole.length), fc.nat(mostCut), instead)
    .map(([at, length, piece]) => whole.slice(0, at) + piece + whole.slice(at + length))
}

/** What `work` returns; undefined if it throws this kind of error. @throws any other */
export function unlessItThrows<Result>(kind: new (message: string) => Error, work: () => Result): Result | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof kind) return undefined
    throw error
  }
}
