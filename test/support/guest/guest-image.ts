import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Kernel and initramfs of the smallest guest that writes to disks, has a balloon and obeys the power button. */
export interface GuestImage {
  readonly kernel: string
  readonly initrd: string
}

/** Drivers of a guest of each kind. Loading order: each needs those before it. */
const drivers = {
  qemu: [
    'virtio_ring',
    'virtio',
    'virtio_pci_modern_dev',
    'virtio_pci_legacy_dev',
    'virtio_pci',
    'virtio_blk',
    'virtio_balloon',
    'failover',
    'net_failover',
    'virtio_net',
    'evdev',
    'button',
  ],
  xen: ['xen_blkfront', 'xen_netfront'],
} as const

/** What is kept between runs: the unpacked kernel, libvirt's findings about QEMU, the image of a dom0. */
export const cacheDirectory = path.join(tmpdir(), 'headroom-test-cache')

/**
 * Builds the guest, or takes it from the cache. The kernel is Debian's cloud kernel: downloaded with apt and only unpacked.
 * @throws if apt cannot fetch the package, or busybox or cpio is missing
 */
export async function guestImage(kind: keyof typeof drivers = 'qemu'): Promise<GuestImage> {
  await mkdir(cacheDirectory, { recursive: true })
  const kernelTree = await unpackedKernel()
  const kernel = await theOnly(path.join(kernelTree, 'boot'), 'vmlinuz-')
  const init = await readFile(new URL('init.sh', import.meta.url), 'utf8')
  const modules = drivers[kind]
  const initrd = path.join(cacheDirectory, `initrd-${path.basename(kernel)}-${shortHash(init + modules.join(' '))}.gz`)
  if (!existsSync(initrd))
    await buildInitrd({ modulesBelow: path.join(kernelTree, 'lib/modules'), modules, init }, initrd)
  return { kernel, initrd }
}

async function unpackedKernel(): Promise<string> {
  const tree = path.join(cacheDirectory, 'kernel')
  if (existsSync(path.join(tree, 'boot'))) return tree
  const work = await mkdtemp(path.join(cacheDirectory, 'download-'))
  try {
    let name = await kernelPackage()
    if (name === undefined) {
      await run('apt-get', ['update'])
      name = await kernelPackage()
    }
    if (name === undefined) throw new Error('apt knows no linux-image-cloud-amd64')
    await run('apt-get', ['download', name], { cwd: work })
    const archive = await theOnly(work, 'linux-image-')
    await run('dpkg', ['-x', archive, path.join(work, 'tree')])
    await rename(path.join(work, 'tree'), tree).catch((error: unknown) => {
      // Another test was faster.
      if (!existsSync(path.join(tree, 'boot'))) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return tree
}

/** The package that Debian's newest cloud kernel is in; undefined if apt has no lists yet. */
async function kernelPackage(): Promise<string | undefined> {
  const { stdout } = await run('apt-cache', ['depends', 'linux-image-cloud-amd64']).catch(() => ({ stdout: '' }))
  return /Depends: (linux-image-\S+)/.exec(stdout)?.[1]
}

/** What an initramfs is made of. */
export interface InitrdParts {
  /** Directory of one kernel's modules. */
  readonly modulesBelow: string
  /** Names, with underscores, in loading order; `/modules/order` lists them. Those built into the kernel are left out. */
  readonly modules: readonly string[]
  /** Its first program: a script for busybox, which is the only other thing in there. */
  readonly init: string
}

/** @throws if busybox or cpio is missing */
export async function buildInitrd({ modulesBelow, modules, init }: InitrdParts, target: string): Promise<void> {
  const root = await mkdtemp(path.join(path.dirname(target), 'initrd-'))
  try {
    await Promise.all(['bin', 'dev', 'proc', 'sys', 'modules'].map((name) => mkdir(path.join(root, name))))
    await copyFile('/bin/busybox', path.join(root, 'bin/busybox'))
    const { stdout } = await run('find', [modulesBelow, '-name', '*.ko'])
    const files = new Map(stdout.split('\n').map((file) => [path.basename(file, '.ko').replaceAll('-', '_'), file]))
    for (const module of modules) {
      const file = files.get(module)
      // Built into the kernel: nothing to load.
      if (file !== undefined) await copyFile(file, path.join(root, 'modules', `${module}.ko`))
    }
    await writeFile(path.join(root, 'modules/order'), `${modules.join('\n')}\n`)
    await writeFile(path.join(root, 'init'), init)
    await chmod(path.join(root, 'init'), 0o755)
    const made = `${root}.gz`
    await run('sh', ['-c', 'find . | cpio --quiet -o -H newc | gzip -1 > "$1"', 'sh', made], { cwd: root })
    await rename(made, target)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** The entry of a directory whose name begins so. @throws if there is none */
export async function theOnly(directory: string, prefix: string): Promise<string> {
  const name = (await readdir(directory)).find((entry) => entry.startsWith(prefix))
  if (name === undefined) throw new Error(`no ${prefix}* in ${directory}`)
  return path.join(directory, name)
}

function shortHash(text: string): string {
  let hash = 5381
  for (const character of text) hash = (hash * 33 + (character.codePointAt(0) ?? 0)) % 0xff_ff_ff_ff
  return hash.toString(16)
}
