/*
 * Numbers with fewer significant bits, as whole numbers that pack well: the upper bits of a double, which stand in the order of
 * the numbers themselves. With `bits` of the 52 after the leading one, a number is off by 2^-(bits + 1) of itself at most.
 */
const word = new Float64Array(1)
const halves = new Uint32Array(word.buffer)
word[0] = 1
const high = halves[1] === 0 ? 0 : 1
const low = 1 - high

/** @param bits 20 to 36, or fewer: 16 */
export function toCode(value: number, bits: number): number {
  word[0] = Math.abs(value)
  const unit = 2 ** (52 - bits)
  const whole = (halves[high] ?? 0) * 2 ** 32 + (halves[low] ?? 0)
  const code = Math.round(whole / unit)
  return value < 0 && code > 0 ? -code : code
}

export function fromCode(code: number, bits: number): number {
  const whole = Math.abs(code) * 2 ** (52 - bits)
  const upper = Math.floor(whole / 2 ** 32)
  halves[high] = upper
  halves[low] = whole - upper * 2 ** 32
  const value = word[0] ?? 0
  return code < 0 ? -value : value
}
