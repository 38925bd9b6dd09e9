/**
 * Text from the network on its way to people. Names come from guests and hypervisors that others control, so nothing in them may move a cursor,
 * change colours, break a line, or reorder what stands beside them.
 */

/** Control characters (C0, DEL, C1), format characters (bidi overrides, zero width), line separators, lone surrogates, private use. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu
const markFlood = /(\p{M}{2})\p{M}+/gu
const longestText = 4096

/** The text with every unsafe character shown as its code: ESC becomes the four characters `\x1b`. */
export function neutralise(text: string): string {
  const bounded = text.length > longestText ? `${text.slice(0, longestText)}…` : text
  return bounded.replace(unsafe, escaped).replace(markFlood, '$1')
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`
}
