/** Seeded numbers for hidden arrays and what is done to them: a linear congruential generator (Knuth's MMIX), of 64 bits. */
export class Dice {
  #state: bigint

  constructor(seed: number, purpose: string) {
    let state = BigInt(seed) * 2_654_435_761n + 97n
    for (const letter of purpose) state = BigInt.asUintN(64, state * 131n + BigInt(letter.codePointAt(0) ?? 0))
    this.#state = state
    for (let turn = 0; turn < 4; turn += 1) this.roll()
  }

  /** 0 to 1. */
  roll(): number {
    this.#state = BigInt.asUintN(64, this.#state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n)
    return Number(this.#state >> 11n) / 2 ** 53
  }

  between(least: number, most: number): number {
    return least + (most - least) * this.roll()
  }

  /** By ratio rather than by difference. */
  sized(least: number, most: number): number {
    return least * (most / least) ** this.roll()
  }

  /** Around 1, with this deviation of the logarithm. */
  noise(spread: number): number {
    let sum = -6
    for (let turn = 0; turn < 12; turn += 1) sum += this.roll()
    return Math.exp(spread * sum)
  }

  happens(chance: number): boolean {
    return this.roll() < chance
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[Math.floor(this.roll() * from.length)] ?? from[0]
  }
}
