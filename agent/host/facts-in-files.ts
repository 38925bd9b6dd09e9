import { readAttribute } from '../storage/disk-identity.js'
import { readKernelRelease } from './kernel.js'
import { readLocalDisks } from './local-disks.js'
import { words, type MachineFacts } from './machine-facts.js'
import type { MachineFiles } from './machine-files.js'
import type { HostRoots } from './roots.js'

/**
 * The static inventory as far as files tell it, of a machine on which nothing can be run. What could not be learnt is absent:
 * full names and serial numbers of disks, for one, take more than files.
 */
export async function factsInFiles(
  files: MachineFiles,
  { procRoot, sysRoot, rootFs }: HostRoots,
): Promise<Partial<MachineFacts>> {
  const etc = `${rootFs.replace(/\/$/, '')}/etc`
  const text = async (directory: string, name: string): Promise<string | undefined> =>
    readAttribute(files, directory, name)
  const os = osName(await text(etc, 'os-release')) ?? words(await text(etc, 'redhat-release'))
  const kernel = readKernelRelease(procRoot, files)
  const dmi = `${sysRoot}/class/dmi/id`
  const machine = words(await text(dmi, 'sys_vendor'), await text(dmi, 'product_name'))
  const cpuModel = words(/^model name\s*:(.*)$/m.exec((await text(procRoot, 'cpuinfo')) ?? '')?.[1])
  const localDisks = await readLocalDisks(files, sysRoot)
  return {
    ...(os === undefined ? {} : { os }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(machine === undefined ? {} : { machine }),
    ...(cpuModel === undefined ? {} : { cpuModel }),
    localDisks,
  }
}

/** Of os-release(5), which systems before 2012 do not have. */
function osName(text: string | undefined): string | undefined {
  return words(/^PRETTY_NAME=["']?([^"'\n]*)/m.exec(text ?? '')?.[1])
}
