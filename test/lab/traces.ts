import { createHash } from 'node:crypto'
import { readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'

import { runProgram } from './run-program.js'

/** Begins the names of what a lab has outside its directory. */
export function nameOfDirectory(dir: string): string {
  return createHash('sha256').update(path.resolve(dir)).digest('hex').slice(0, 8)
}

/** What a lab could leave behind: processes, mounts, interfaces, namespaces of other processes, cgroups, loop devices. */
export async function traces(dir: string): Promise<readonly string[]> {
  const found: string[] = []
  const own = await readlink('/proc/self/ns/mnt')
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
    const mounts = await readlink(`/proc/${pid}/ns/mnt`).catch(() => own)
    // Everything of a lab runs among its own mounts, and those name its directory.
    const table = mounts === own ? '' : await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '')
    if (command.includes(dir) || table.includes(dir)) found.push(`process ${pid}: ${command}`)
  }
  const mounted = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(dir))
  const links = await runProgram('ip', ['-brief', 'link'])
  const named = await runProgram('ip', ['netns', 'list'])
  const groups = await runProgram('find', [
    '/sys/fs/cgroup',
    '-type',
    'd',
    '-name',
    `headroom-lab-${nameOfDirectory(dir)}-*`,
  ])
  const devices = await runProgram('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'])
  const loops = devices.split('\n').filter((line) => line.includes(dir))
  const names = links.split('\n').map((line) => line.split(' ')[0] ?? '')
  return [...found, ...mounted, ...names, ...named.split('\n'), ...groups.split('\n'), ...loops]
    .filter((line) => line !== '')
    .toSorted()
}
