import { child, childText, children, type XmlElement } from '../libvirt/xml.js'
import { readReply, refIn } from './soap-message.js'

/** What QueryPerf answers for one entity, as it came. */
export interface EntityAnswer {
  readonly entityId: string
  readonly infos: readonly { readonly timestamp: string | undefined; readonly interval: string | undefined }[]
  readonly series: readonly {
    readonly counterId: string
    readonly instance: string
    readonly values: readonly string[]
  }[]
}

/**
 * Reads an answer of QueryPerf. Nine tenths of all that a server sends are these, in one plain form, which is read many
 * times faster than XML; an answer in any other form is read as XML.
 * @throws SoapFault, SoapFormatError
 */
export function entitiesIn(text: string): readonly EntityAnswer[] {
  return plainEntitiesIn(text) ?? readReply('QueryPerf', text).flatMap((element) => entityIn(element) ?? [])
}

function entityIn(element: XmlElement): EntityAnswer | undefined {
  const entityId = refIn(child(element, 'entity'))?.id
  if (entityId === undefined) return undefined
  return {
    entityId,
    infos: children(element, 'sampleInfo').map((info) => ({
      timestamp: childText(info, 'timestamp'),
      interval: childText(info, 'interval'),
    })),
    series: children(element, 'value').map((series) => ({
      counterId: childText(child(series, 'id'), 'counterId') ?? '',
      instance: childText(child(series, 'id'), 'instance') ?? '',
      values: children(series, 'value').map((value) => value.text),
    })),
  }
}

// One after the other, each beginning where the one before ended. No text has entities, no element is written in another way.
const start = '<returnval'
const head = /<returnval[^<>]*><entity type="[^"<>]*"[^<>]*>([^<>&]+)<\/entity>/y
const sampleInfo = /<sampleInfo><timestamp>([^<>&]*)<\/timestamp><interval>(\d+)<\/interval><\/sampleInfo>/y
const series =
  /<value[^<>]*><id><counterId>(\d+)<\/counterId>(?:<instance>([^<>&]*)<\/instance>|<instance\/>)?<\/id>((?:<value>-?\d+<\/value>)*)<\/value>/y
const end = /<\/returnval>/y
const tail = /<\/QueryPerfResponse>\s*<\/(?:\w+:)?Body>\s*<\/(?:\w+:)?Envelope>\s*$/y

/** @returns undefined if it is in another form */
function plainEntitiesIn(text: string): EntityAnswer[] | undefined {
  let at = text.indexOf(start)
  const before = text.slice(0, Math.max(0, at))
  if (!before.endsWith('<QueryPerfResponse xmlns="urn:vim25">') || before.includes('<!')) return undefined
  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  const entities: EntityAnswer[] = []
  while (text.startsWith(start, at)) {
    const entityId = next(head)?.[1]
    if (entityId === undefined) return undefined
    const infos: { timestamp: string | undefined; interval: string | undefined }[] = []
    for (let found = next(sampleInfo); found !== null; found = next(sampleInfo)) {
      infos.push({ timestamp: found[1], interval: found[2] })
    }
    const all: { counterId: string; instance: string; values: string[] }[] = []
    for (let found = next(series); found !== null; found = next(series)) {
      const [, counterId = '', instance = '', values = ''] = found
      all.push({ counterId, instance, values: values === '' ? [] : values.slice(7, -8).split('</value><value>') })
    }
    if (next(end) === null) return undefined
    entities.push({ entityId, infos, series: all })
  }
  return next(tail) === null ? undefined : entities
}
