import { formatBytes, formatMemory, formatRate } from '../../common/units.js'
import { fieldWords } from './evidence-words.js'
import { coresText, latencyText, percentText, perSecondText } from './figure-text.js'

/** A figure that an alert rests on, in its unit. @param entity as the store has it: `disk:UUID/vda` */
export function evidenceFigure(value: number, entity: string, field: string): string {
  switch (fieldWords(entity, field)?.unit) {
    case 'memory':
      return formatMemory(value)
    case 'bytes':
      return formatBytes(value)
    case 'bytes/s':
      return formatRate(value)
    case '1/s':
      return perSecondText(value)
    case 'ms':
      return latencyText(value)
    case 'cores':
      return coresText(value)
    case 'fraction':
      return percentText(value)
    case 'count':
    case undefined:
      return String(Number(value.toPrecision(4)))
  }
}
