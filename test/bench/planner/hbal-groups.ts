import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { z } from 'zod'

import type { Problem } from '../../../controller/planner/problem.js'
import { ganetiFleet } from './ganeti-fleet.js'

/** What hbal does with groups of 20 hosts of a large fleet, each by itself: recorded group by group, as all of it takes a quarter of an hour of CPU and more. */
const schema = z.strictObject({
  tool: z.string(),
  groups: z.array(
    z.strictObject({
      hosts: z.number(),
      group: z.number(),
      moves: z.array(z.tuple([z.string(), z.string()])),
      cpuSeconds: z.number(),
    }),
  ),
})

const file = fileURLToPath(new URL('hbal-groups.json', import.meta.url))
const groupSize = 20

/**
 * @returns where VMs end, all groups together; undefined: some were never run
 */
export async function groupsByHbal(
  hosts: number,
  { run }: { readonly run: boolean },
): Promise<((problem: Problem) => Int32Array) | undefined> {
  const kept = existsSync(file)
    ? schema.parse(JSON.parse(readFileSync(file, 'utf8')))
    : { tool: 'hbal of ganeti-htools 3.0.2, each group by itself', groups: [] }
  const count = Math.ceil(hosts / groupSize)
  for (let group = 0; group < count; group += 1) {
    if (kept.groups.some((one) => one.hosts === hosts && one.group === group)) continue
    if (!run) return undefined
    kept.groups.push({ hosts, group, ...(await runHbal(hosts, group)) })
    writeFileSync(file, `${JSON.stringify(kept)}\n`)
    console.log(`hbal: group ${group + 1} of ${count}`)
  }
  const moves = kept.groups.filter((one) => one.hosts === hosts).flatMap((one) => one.moves)
  return ({ hosts: names, vms, start }) => {
    const end = Int32Array.from(start)
    const vmAt = new Map(vms.map((name, at) => [name, at]))
    const hostAt = new Map(names.map((name, at) => [name, at]))
    for (const [vm, to] of moves) end[vmAt.get(vm) ?? 0] = hostAt.get(to) ?? 0
    return end
  }
}

const longestMs = 3_600_000

async function runHbal(hosts: number, group: number): Promise<{ moves: [string, string][]; cpuSeconds: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'headroom-hbal-'))
  try {
    const cluster = join(directory, 'group.txt')
    writeFileSync(cluster, textOf(hosts, group))
    const before = process.resourceUsage()
    const output = await outputOf('hbal', ['-t', cluster])
    const after = process.resourceUsage()
    // "  51. vm3420  node5  => node13  14.41503015 a=fa:node13", or "a=f" alone, as versions differ.
    const moves = output.split('\n').flatMap((line): [string, string][] => {
      const [, vm, to] = /^\s*\d+\.\s+(\S+)\s+\S+\s+=>\s+(\S+)\s/u.exec(line) ?? []
      return vm === undefined || to === undefined ? [] : [[vm, to]]
    })
    return { moves, cpuSeconds: (after.userCPUTime - before.userCPUTime) / 1e6 }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** The nodes of one group, and what runs on them, as a cluster of its own. */
function textOf(hosts: number, group: number): string {
  const lines = ganetiFleet(1, { hosts, vmsPerHost: 12, groupOf: groupSize }).text.split('\n')
  const nodes = lines.filter((line) => line.startsWith('node') && line.split('|')[8] === `uuid-${group}`)
  const names = new Set(nodes.map((line) => line.split('|')[0]))
  const vms = lines.filter((line) => line.startsWith('vm') && names.has(line.split('|')[6]))
  const policies = lines.filter((line) => line.includes('|ext,plain,diskless|'))
  const own = policies.filter((line) => line.startsWith('|') || line.startsWith(`group${group}|`))
  const sections = [[`group${group}|uuid-${group}|preferred||`], nodes, vms, [], own]
  return sections.map((section) => section.map((line) => `${line}\n`).join('')).join('\n')
}

function outputOf(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], timeout: longestMs })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code ?? 'a signal'}`)),
    )
  })
}
