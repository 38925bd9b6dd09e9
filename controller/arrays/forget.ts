import { withKnowledge, type Belief } from './belief.js'
import { normal, type Chance } from './chance.js'
import { eachOf, listed, type Guess } from './guess.js'

const hourSeconds = 3600
/** Deviation of the logarithm in an hour: a fifth in a week. */
const hourSpread = 0.015

/** Arrays change, by a disk that ages or a cache that is set anew: each hour that is watched makes all guesses a little less sure. */
export function forget(belief: Belief, fromSeconds: number, toSeconds: number, chance: Chance): Belief {
  const hours = Math.floor(toSeconds / hourSeconds) - Math.floor(fromSeconds / hourSeconds)
  if (hours <= 0 || belief.plateau !== undefined) return belief
  const { knowledge, fills } = belief
  const guesses = listed(eachOf(knowledge.guesses).map((guess) => drifted(guess, chance)))
  return withKnowledge(belief, { ...knowledge, guesses }, fills)
}

function drifted(guess: Guess, chance: Chance): Guess {
  const factor = Math.exp(hourSpread * normal(chance))
  const { sequential, random, rebuild, degraded } = guess.drains
  return {
    ...guess,
    capacityBytes: guess.capacityBytes * Math.exp(hourSpread * normal(chance)),
    drains: {
      sequential: sequential * factor,
      random: random * factor,
      'with-reads': guess.drains['with-reads'] * factor,
      rebuild: rebuild * factor,
      degraded: degraded * factor,
      'write-through': guess.drains['write-through'] * factor,
    },
  }
}
