import { formatBytes } from '../../../common/units.js'
import { fieldWords } from '../../api/evidence-words.js'
import { cores, figure, latency, memory, percent, perSecond, rate } from './figures.js'

/** A figure that an alert rests on, in its unit. @param entity as the store has it: `disk:UUID/vda` */
export function evidenceFigure(value: number | undefined, entity: string, field: string): string {
  switch (fieldWords(entity, field)?.unit) {
    case 'memory':
      return memory(value)
    case 'bytes':
      return figure(value, formatBytes)
    case 'bytes/s':
      return rate(value)
    case '1/s':
      return perSecond(value)
    case 'ms':
      return latency(value)
    case 'cores':
      return cores(value)
    case 'fraction':
      return percent(value)
    case 'count':
    case undefined:
      return figure(value, plainNumber)
  }
}

function plainNumber(value: number): string {
  return String(Number(value.toPrecision(4)))
}
