import { malformed } from './xen-tools.js'

/** An S-expression as xend prints them: a word, or a list of expressions. */
export type Sxp = string | readonly Sxp[]

const deepest = 64
const mostParts = 1_000_000

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', v: '\v', b: '\b', f: '\f' }

/**
 * Parses all expressions of a text. A word ends at a blank or a bracket; `'…'` and `"…"` hold anything, with a backslash before
 * a quote or another backslash, and `\n`, `\xHH` and the like.
 * Source of the syntax: tools/python/xen/xend/sxp.py of Xen 3.4, which prints what is no plain word as Python's `repr` does.
 * @throws XenToolError
 */
export function parseSxps(text: string): readonly Sxp[] {
  const found: Sxp[] = []
  /** The lists that are open, outermost first. */
  const open: Sxp[][] = []
  let parts = 0
  const add = (part: Sxp): void => {
    parts += 1
    if (parts > mostParts) throw malformed('list-long', 'S-expressions', `${mostParts} parts at most`, 'more')
    ;(open.at(-1) ?? found).push(part)
  }
  for (let at = 0; at < text.length;) {
    const first = text.charAt(at)
    if (first === '(') {
      if (open.length === deepest) throw malformed('list-long', `character ${at}`, `${deepest} levels at most`, '(')
      const list: Sxp[] = []
      add(list)
      open.push(list)
      at += 1
    } else if (first === ')') {
      if (open.pop() === undefined) throw malformed('list-long', `character ${at}`, 'an expression', ')')
      at += 1
    } else if (first === "'" || first === '"') {
      const end = endOfQuotation(text, at)
      add(unescaped(text.slice(at + 1, end)))
      at = end + 1
    } else if (isBlank(first)) at += 1
    else {
      const end = endOfWord(text, at)
      add(text.slice(at, end))
      at = end
    }
  }
  if (open.length > 0) throw malformed('list-long', 'end', `${open.length} closing brackets`, '')
  return found
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r'
}

function endOfWord(text: string, start: number): number {
  let end = start
  while (end < text.length) {
    const character = text.charAt(end)
    if (isBlank(character) || character === '(' || character === ')') break
    end += 1
  }
  return end
}

/** Place of the closing quote. */
function endOfQuotation(text: string, start: number): number {
  const quote = text.charAt(start)
  for (let end = start + 1; end < text.length; end += 1) {
    const character = text.charAt(end)
    if (character === '\\') end += 1
    else if (character === quote) return end
  }
  throw malformed('list-long', `character ${start}`, `a closing ${quote}`, text.slice(start, start + 81))
}

/** The list that begins with this word; of several the first. */
export function sxpList(of: Sxp, name: string): readonly Sxp[] | undefined {
  return sxpLists(of, name)[0]
}

export function sxpLists(of: Sxp, name: string): readonly (readonly Sxp[])[] {
  return typeof of === 'string'
    ? []
    : of.flatMap((part) => (typeof part !== 'string' && part[0] === name ? [part] : []))
}

/** The word after the name in `(name word)`; undefined if there is none, or an empty one. */
export function sxpWord(of: Sxp, name: string): string | undefined {
  const [, value] = sxpList(of, name) ?? []
  return typeof value === 'string' && value !== '' ? value : undefined
}

function unescaped(quoted: string): string {
  return quoted.replaceAll(
    /\\(?:x([\da-fA-F]{2})|([^]))/g,
    (_all, hex: string | undefined, letter: string | undefined) =>
      hex === undefined ? (escapes[letter ?? ''] ?? letter ?? '') : String.fromCodePoint(Number.parseInt(hex, 16)),
  )
}
