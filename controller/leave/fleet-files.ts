import { csvLine } from '../store/transfer/csv.js'
import { subjectText } from '../model/finding.js'
import type { FleetList } from './fleet-list.js'

/** Tables of the fleet by file name, for people and other programs, and all that is known of it as JSON. */
export function fleetFiles({ agents, hosts, alertHistory, policies }: FleetList): Record<string, string> {
  const hostsOf = (agentId: string): string =>
    hosts
      .filter((host) => host.agentId === agentId)
      .map(({ inventory }) => inventory.host.name)
      .join(' ')
  return {
    'agents.csv': table(
      ['id', 'name', 'hosts', 'enrolled', 'revoked'],
      agents.map(({ id, name, enrolledAt, revoked }) => [id, name, hostsOf(id), isoTime(enrolledAt), revoked]),
    ),
    'hosts.csv': table(
      ['id', 'name', 'agent', 'hypervisor', 'system', 'cpuThreads', 'memoryBytes', 'vms'],
      hosts.map(({ agentId, inventory: { hostId, host, vms } }) => [
        hostId,
        host.name,
        agentId,
        host.hypervisorVersion,
        host.os,
        host.cpuThreads,
        host.memoryBytes,
        vms.length,
      ]),
    ),
    'vms.csv': table(
      ['uuid', 'name', 'host', 'vcpus', 'memoryMaxBytes', 'owner', 'group', 'service'],
      hosts.flatMap(({ inventory: { host, vms } }) =>
        vms.map((vm) => [vm.uuid, vm.name, host.name, vm.vcpus, vm.memoryMaxBytes, vm.owner, vm.group, vm.service]),
      ),
    ),
    'arrays.csv': table(
      ['key', 'name', 'kind', 'host', 'sizeBytes'],
      hosts.flatMap(({ inventory: { host, arrays } }) =>
        arrays.map(({ key, name, kind, sizeBytes }) => [key, name, kind, host.name, sizeBytes]),
      ),
    ),
    'alerts.csv': table(
      ['time', 'number', 'what', 'severity', 'check', 'subject', 'part', 'message', 'detail', 'author'],
      alertHistory.map(({ atMs, number, what, severity, check, subject, part, message, detail, author }) => [
        isoTime(atMs),
        number,
        what,
        severity,
        check,
        subjectText(subject),
        part,
        message,
        detail,
        author,
      ]),
    ),
    ...Object.fromEntries(policies.map(({ number, text }) => [`policy-${number}.yaml`, text])),
    'fleet.json': `${JSON.stringify({ agents: agents.map(withoutKeys), hosts }, undefined, 2)}\n`,
  }
}

type Cell = string | number | boolean | undefined

function table(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [columns, ...rows].map((row) => csvLine(row)).join('')
}

/** Which keys an agent trusts is nobody's business any more. */
function withoutKeys({ id, name, enrolledAt, hosts, revoked }: FleetList['agents'][number]): object {
  return { id, name, enrolledAt: isoTime(enrolledAt), hosts, revoked }
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString()
}
