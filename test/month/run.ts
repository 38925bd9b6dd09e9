import { play, type PlayOptions } from './play.js'
import type { Result } from './report.js'
import type { Scenario } from './scenario.js'
import { Judge } from './score.js'
import { ThresholdRule } from './threshold-rule.js'

/** Plays a scenario and holds what is told, and what plain thresholds would tell, against its labels. */
export async function run(
  scenario: Scenario,
  options: PlayOptions,
  watch: (atMs: number) => void = () => undefined,
): Promise<Result> {
  const judge = new Judge(scenario.labels, scenario.open)
  const threshold = new ThresholdRule(scenario.labels, scenario.open)
  let looks = 0
  for await (const { snapshot, messages } of play(scenario, options)) {
    looks += 1
    threshold.look(snapshot)
    for (const message of messages) judge.hear(message)
    watch(snapshot.at)
  }
  const { startMs, days } = scenario
  return { seed: options.seed, days, looks, score: judge.score(startMs, days), threshold: threshold.result }
}
