import type { FleetEvent } from '../model/snapshot.js'

type Named = Pick<FleetEvent, 'vmName' | 'hostName' | 'kind' | 'reason'>

/** What happened as one sentence, as servers have it. */
export function eventText(event: FleetEvent): string {
  const { message } = event
  return `${beginning(event)}${message === '' ? '' : `: ${message}`}`.slice(0, 1024)
}

/** The message in such a sentence: all of it if it is another. */
export function messageIn(text: string, event: Named): string {
  const begins = oneLine(beginning(event))
  if (text === begins) return ''
  return text.startsWith(`${begins}: `) ? text.slice(begins.length + 2) : text
}

/** A backslash at its end would take the quote of a field away. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what has to go
  return text.replaceAll(/[\\\u0000-\u001F\u007F]+/g, ' ')
}

function beginning({ vmName, hostName = '', kind, reason }: Named): string {
  const subject = vmName === '' ? hostName : vmName
  const where = vmName === '' || hostName === '' ? '' : ` on ${hostName}`
  return `${subject}: ${kind} (${reason})${where}`
}
