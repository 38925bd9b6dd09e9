import { Counter, Gauge, type Registry } from 'prom-client'

import type { CommandFigures } from '../../common/command-tally.js'

/** What became of commands, by verb. */
export function commandMetrics(registry: Registry, figures: () => CommandFigures): void {
  const registers = [registry]
  const labelNames = ['verb', 'end'] as const
  const ended: Counter<'verb' | 'end'> = new Counter({
    name: 'headroom_commands_total',
    help: 'Commands that came to an end since the start, by verb and end',
    labelNames,
    registers,
    collect: () => {
      ended.reset()
      for (const { verb, end, count } of figures().ended) ended.inc({ verb, end }, count)
    },
  })
  const seconds: Counter<'verb' | 'end'> = new Counter({
    name: 'headroom_command_seconds_total',
    help: 'Time of commands from their beginning to their end, by verb and end',
    labelNames,
    registers,
    collect: () => {
      seconds.reset()
      for (const row of figures().ended) seconds.inc({ verb: row.verb, end: row.end }, row.seconds)
    },
  })
  const waiting: Gauge = new Gauge({
    name: 'headroom_commands_waiting',
    help: 'Commands that have not begun',
    registers,
    collect: () => waiting.set(figures().waiting),
  })
  const running: Gauge = new Gauge({
    name: 'headroom_commands_running',
    help: 'Commands that have begun and not ended',
    registers,
    collect: () => running.set(figures().running),
  })
  const turnedAway: Counter = new Counter({
    name: 'headroom_commands_turned_away_total',
    help: 'Commands that were not taken in for want of room',
    registers,
    collect: () => {
      turnedAway.reset()
      turnedAway.inc(figures().turnedAway)
    },
  })
}
