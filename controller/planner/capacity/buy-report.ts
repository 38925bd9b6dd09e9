import { utcDay } from '../../../common/utc-day.js'
import { formatMemory } from '../../../common/units.js'
import type { Bought, Demand, Purchase } from './buy.js'
import type { Catalog } from './catalog.js'
import type { Profile, RoomFleet } from './room-fleet.js'
import { changed } from './what-if.js'

/** What is told of a purchase to whoever has to pay it. */
export interface BuyReport {
  readonly fleet: RoomFleet
  readonly catalog: Catalog
  readonly bought: Bought
  readonly demand: Demand
  readonly profile: Profile
  readonly now: number
  readonly horizonDays: number
  /** Where the demand comes from, as a sentence. */
  readonly basis: string
  /** When what is there will not be enough; undefined: it is, as long as the horizon is. */
  readonly shortFromMs: number | undefined
}

export type Block =
  | { readonly kind: 'title' | 'heading' | 'text'; readonly text: string }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }

export function priceText(price: number, currency: string): string {
  return `${price.toLocaleString('en-GB', { maximumFractionDigits: 2 })}${currency === '' ? '' : ` ${currency}`}`
}

export function purchaseText({ hosts, memory }: Purchase): string {
  const things = [
    ...hosts.map(({ name, count }) => `${count} × ${name}`),
    ...memory.map(({ name, host, count }) => `${count} × ${name} for ${host}`),
  ]
  return things.length === 0 ? 'nothing' : things.join(', ')
}

/** Whether all holds with what there is. What costs nothing may have to be bought all the same. */
export function buysNothing({ hosts, memory }: Pick<Purchase, 'hosts' | 'memory'>): boolean {
  return hosts.length + memory.length === 0
}

/** The report as blocks: `markdown` and `html` write them. */
export function buyReport(report: BuyReport): Block[] {
  const { fleet, catalog, bought, demand, profile, now, horizonDays, basis } = report
  const { today, ways } = bought
  const [best, ...others] = ways
  const vm = `${formatMemory(profile.memoryBytes)} and ${profile.vcpus} virtual CPU${profile.vcpus === 1 ? '' : 's'}`
  const kept = demand.losses === 0 ? '' : `, with any ${demand.losses === 1 ? 'host' : `${demand.losses} hosts`} lost`
  const until = utcDay(now + horizonDays * 86_400_000)
  return [
    { kind: 'title', text: 'What to buy for the hosts of virtual machines' },
    { kind: 'text', text: `As of ${utcDay(now)}, until ${until}. ${basis}` },
    { kind: 'heading', text: 'What is needed' },
    { kind: 'text', text: needText(report, vm, kept, until) },
    { kind: 'heading', text: 'Proposal' },
    {
      kind: 'text',
      text: proposalText(bought, catalog),
    },
    ...(best === undefined ? [] : [hostTable(fleet, today.roomByHost, best)]),
    ...(others.length === 0 ? [] : otherWays(others, catalog)),
    { kind: 'heading', text: 'How this was counted' },
    {
      kind: 'text',
      text:
        `Each host keeps its reserve of memory for the hypervisor. ${demand.losses === 0 ? '' : `Every loss of ${demand.losses} host${demand.losses === 1 ? '' : 's'} was tried: all VMs that can start elsewhere, and all new ones, must find a place on the others as they stand. `}` +
        `A new host is like most others: the same hypervisor, storage and reserve. ${bought.looked} baskets were looked at, by price.` +
        (today.lostWithHost.length === 0
          ? ''
          : ` ${today.lostWithHost.length} VMs are lost with their host, as their disks are on it alone: ${today.lostWithHost.map((vm) => fleet.vms[vm] ?? '').join(', ')}.`),
    },
  ]
}

function proposalText({ ways: [best], proven, looked }: Bought, { currency }: Catalog): string {
  if (best === undefined) {
    return proven
      ? 'Nothing in the catalog is enough.'
      : `None was found among the ${looked} baskets that were looked at; something in the catalog may be enough all the same.`
  }
  if (buysNothing(best)) return 'Nothing has to be bought.'
  const sure = proven
    ? 'Nothing cheaper in the catalog is enough.'
    : 'Something cheaper may be enough: not every basket was looked at.'
  return `${purchaseText(best)}: ${priceText(best.price, currency)}. ${sure}`
}

function needText(
  { bought: { today }, demand, fleet, shortFromMs }: BuyReport,
  vm: string,
  kept: string,
  until: string,
): string {
  const need = `By ${until} ${demand.newVms} new VMs of ${vm} have to fit${kept}; ${today.fits} do today.`
  const losses = today.notBorne.map(
    ({ hosts, vm }) =>
      `if ${hosts.map((host) => fleet.hosts[host] ?? '').join(' and ')} is lost, ${fleet.vms[vm] ?? ''} finds no place`,
  )
  const broken = losses.length === 0 ? '' : ` Already now: ${losses.join('; ')}.`
  const doubtful =
    today.lossesNotShown === 0
      ? ''
      : ` Of ${today.lossesNotShown} loss${today.lossesNotShown === 1 ? '' : 'es'} it is not shown that all find a place now: the search was cut.`
  return `${need}${broken}${doubtful}${shortFromMs === undefined || losses.length > 0 ? '' : ` With even growth that is not enough from ${utcDay(shortFromMs)} on.`}`
}

function hostTable(fleet: RoomFleet, before: Int32Array, { whatIf, rooms }: Purchase): Block {
  const after = changed(fleet, whatIf).fleet
  const memoryOf = (one: RoomFleet, host: number): string => {
    const most = one.resources.find(({ name }) => name === 'memory')?.most[host]
    return most === undefined ? 'none' : formatMemory(Math.max(0, most))
  }
  return {
    kind: 'table',
    head: ['Host', 'Memory for VMs today', 'after', 'Room today', 'after', 'of it with losses borne'],
    rows: after.hosts.map((name, host) => [
      name,
      memoryOf(fleet, host),
      memoryOf(after, host),
      String(before[host] ?? 0),
      String(rooms.roomByHost[host] ?? 0),
      String(rooms.byHost[host] ?? 0),
    ]),
  }
}

function otherWays(others: readonly Purchase[], { currency }: Catalog): Block[] {
  return [
    { kind: 'heading', text: 'Other ways' },
    {
      kind: 'table',
      head: ['What', 'Price', 'New VMs that then fit'],
      rows: others.map((way) => [purchaseText(way), priceText(way.price, currency), String(way.rooms.fits)]),
    },
  ]
}

export function markdown(blocks: readonly Block[]): string {
  const cell = (text: string): string => escapedMarkdown(text).replaceAll('|', String.raw`\|`)
  const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return `${blocks
    .map((block) => {
      if (block.kind === 'table') {
        return [row(block.head), `|${block.head.map(() => '---|').join('')}`, ...block.rows.map(row)].join('\n')
      }
      return `${{ title: '# ', heading: '## ', text: '' }[block.kind]}${escapedMarkdown(block.text)}`
    })
    .join('\n\n')}\n`
}

/** Names come from files of others: they are text, not markup. */
function escapedMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>#]/gu, String.raw`\$&`)
}

export function html(blocks: readonly Block[]): string {
  const escaped = (text: string): string =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  const cells = (tag: 'th' | 'td', texts: readonly string[]): string =>
    `<tr>${texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('')}</tr>`
  const body = blocks.map((block) => {
    if (block.kind === 'table')
      return `<table>${cells('th', block.head)}${block.rows.map((row) => cells('td', row)).join('')}</table>`
    const tag = { title: 'h1', heading: 'h2', text: 'p' }[block.kind]
    return `<${tag}>${escaped(block.text)}</${tag}>`
  })
  const style =
    'body{font:15px/1.5 sans-serif;max-width:55em;margin:2em auto}td,th{border:1px solid #999;padding:.2em .6em;text-align:left}table{border-collapse:collapse}'
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>What to buy</title><style>${style}</style>\n${body.join('\n')}\n</html>\n`
}
