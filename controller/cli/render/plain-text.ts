/** Text for terminals: safe, of known width, cut and wrapped. */

/** JSON for a terminal or a file: like JSON.stringify, with the controls that JSON would leave as they are written as \u escapes. */
export function safeJson(value: unknown, indent: number | undefined): string {
  return JSON.stringify(value, undefined, indent).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

/** East Asian wide and fullwidth blocks, first and last code point (Unicode's EastAsianWidth.txt, by block). */
const wideBlocks: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x1b000, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
]

function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x300) return 1
  if (/^\p{M}$/u.test(character)) return 0
  if (/^\p{Emoji_Presentation}$/u.test(character)) return 2
  return wideBlocks.some(([first, last]) => code >= first && code <= last) ? 2 : 1
}

/** Columns that a neutralised text takes in a terminal. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** The text cut to at most `width` columns, its end replaced by `…`. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  return width < 1 ? '' : `${leading(text, width - 1)}…`
}

/** Lines of at most `width` columns, broken between words where that goes; lines after the first have less room by `indent`. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const lines: string[] = []
  let current = ''
  for (let word of text.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`
    if (displayWidth(longer) <= roomOf(lines.length)) {
      current = longer
      continue
    }
    if (current !== '') lines.push(current)
    while (displayWidth(word) > roomOf(lines.length)) {
      const part = leading(word, roomOf(lines.length))
      lines.push(part)
      word = word.slice(part.length)
    }
    current = word
  }
  return [...lines, current]

  function roomOf(line: number): number {
    return Math.max(2, line === 0 ? width : width - indent)
  }
}

function leading(text: string, width: number): string {
  let kept = ''
  let used = 0
  for (const character of text) {
    used += characterWidth(character)
    if (used > width) break
    kept += character
  }
  return kept
}
