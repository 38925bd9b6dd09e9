import type { HistoryTarget, TooLate } from './target.js'

/** Takes everything and keeps nothing. */
export class CheckingTarget implements HistoryTarget {
  write(): Promise<void> {
    return Promise.resolve()
  }

  writeRollUps(): Promise<void> {
    return Promise.resolve()
  }

  kept<Result>(send: (isAgain: boolean) => Promise<Result>): Promise<Result> {
    return send(false)
  }

  drained(): Promise<void> {
    return Promise.resolve()
  }

  tooLate(): Promise<TooLate> {
    return Promise.resolve({ points: 0, rollUps: 0 })
  }
}
