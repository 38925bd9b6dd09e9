import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'

import { runProgram } from '../lab/run-program.js'
import { buildInitrd, cacheDirectory, guestImage, theOnly, type GuestImage } from '../support/guest/guest-image.js'
import { uncompressedKernel } from './bz-image.js'
import { writeDom0Files } from './dom0-files.js'

/** What a Xen host boots from, and its guests. */
export interface Dom0Image {
  /** The hypervisor, as QEMU loads it. */
  readonly xen: string
  /** Uncompressed: what unpacks it would be emulated. */
  readonly kernel: string
  readonly initrd: string
  /** Raw image of dom0's root. Never written: each host puts its own layer over it. */
  readonly disk: string
  /** Uncompressed too. */
  readonly guest: GuestImage
}

/** All from Debian. Unpacked only: nothing in them is ever run on this machine. */
const packages = [
  'linux-image-amd64',
  'xen-hypervisor-4.17-amd64',
  'xen-utils-4.17',
  'libvirt-daemon',
  'libvirt-daemon-driver-xen',
  'libvirt-clients',
  'openssh-server',
  'bash',
  'dash',
  'busybox-static',
  'coreutils',
  'findutils',
  'util-linux',
  'mount',
  'procps',
  'iproute2',
  // For Node.
  'libstdc++6',
  'libatomic1',
] as const

/** Loading order: each needs those before it. */
const modules = [
  'virtio_ring',
  'virtio',
  'virtio_pci_modern_dev',
  'virtio_pci_legacy_dev',
  'virtio_pci',
  'virtio_blk',
  'failover',
  'net_failover',
  'virtio_net',
  'crc32c_generic',
  'crc16',
  'mbcache',
  'jbd2',
  'ext4',
  'loop',
  'llc',
  'stp',
  'bridge',
  'xen_privcmd',
  'xenfs',
  'xen_evtchn',
  'xen_gntdev',
  'xen_gntalloc',
  'xen_blkback',
  'xen_netback',
] as const

/** Of dom0's root, what nothing in the lab reads. */
const unread = [
  'boot',
  'lib/modules',
  'usr/lib/python3',
  'usr/lib/python3.11',
  'usr/share/doc',
  'usr/share/locale',
  'usr/share/man',
  'usr/share/perl',
  'usr/lib/x86_64-linux-gnu/perl',
  'usr/lib/x86_64-linux-gnu/perl-base',
  'var/cache',
  'var/lib/apt',
  'var/lib/dpkg',
]

const diskMiB = 1024
const buildTimeoutMs = 900_000
const unusedMs = 7 * 86_400_000

/**
 * Builds dom0's image with mmdebstrap, or takes it from the cache.
 * @throws if apt knows no such packages, or a program is missing
 */
export async function dom0Image(onProgress: (text: string) => void = () => undefined): Promise<Dom0Image> {
  await mkdir(cacheDirectory, { recursive: true })
  const guest = await guestImage('xen')
  const inputs = await inputsOf(guest)
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16)
  const directory = path.join(cacheDirectory, `xen-${key}`)
  if (!existsSync(directory)) {
    onProgress('building the image of dom0')
    await build(directory, guest)
  }
  await utimes(directory, new Date(), new Date())
  const at = (name: string): string => path.join(directory, name)
  return {
    xen: at('xen'),
    kernel: at('vmlinux'),
    initrd: at('initrd.gz'),
    disk: at('dom0.img'),
    guest: { kernel: at('guest-vmlinux'), initrd: at('guest-initrd') },
  }
}

/** Everything that the image is made from: when any of it changes, so does the image. */
async function inputsOf({ kernel, initrd }: GuestImage): Promise<readonly unknown[]> {
  const sources = ['dom0-image.ts', 'dom0-files.ts', 'bz-image.ts', 'dom0-initrd.sh'].map((name) =>
    readFile(path.join(import.meta.dirname, name), 'utf8'),
  )
  return [await candidateVersions(), path.basename(kernel), path.basename(initrd), ...(await Promise.all(sources))]
}

/** The versions that apt would install, by package. */
async function candidateVersions(): Promise<Readonly<Record<string, string>>> {
  const asked = async (): Promise<Readonly<Record<string, string>>> =>
    parseCandidates(await runProgram('apt-cache', ['policy', ...packages]))
  let versions = await asked()
  const lacks = (): string[] => packages.filter((name) => versions[name] === undefined)
  if (lacks().length > 0) {
    await runProgram('apt-get', ['update'], { timeoutMs: buildTimeoutMs })
    versions = await asked()
  }
  if (lacks().length > 0) throw new Error(`apt knows no ${lacks().join(', ')}: the lab needs the packages of Debian 12`)
  return versions
}

/** Output of `apt-cache policy`. */
export function parseCandidates(text: string): Record<string, string> {
  const rows = [...text.matchAll(/^(\S+):\n {2}Installed: .*\n {2}Candidate: (\S+)$/gm)]
  return Object.fromEntries(
    rows.flatMap(([, name = '', version = '']) => (version === '(none)' ? [] : [[name, version]])),
  )
}

async function build(directory: string, guest: GuestImage): Promise<void> {
  await removeOld()
  const work = await mkdtemp(path.join(cacheDirectory, 'building-'))
  try {
    const tree = path.join(work, 'tree')
    const made = path.join(work, 'made')
    await mkdir(made)
    await unpackPackages(work, tree)
    const boot = path.join(tree, 'boot')
    const kernel = await theOnly(boot, 'vmlinuz-')
    const xen = path.join(boot, 'xen-4.17-amd64.gz')
    await writeFile(path.join(made, 'xen'), gunzipSync(await readFile(xen)))
    await writeFile(path.join(made, 'vmlinux'), await uncompressedKernel(kernel))
    await writeFile(path.join(made, 'guest-vmlinux'), await uncompressedKernel(guest.kernel))
    await writeFile(path.join(made, 'guest-initrd'), gunzipSync(await readFile(guest.initrd)))
    const init = await readFile(path.join(import.meta.dirname, 'dom0-initrd.sh'), 'utf8')
    await buildInitrd({ modulesBelow: path.join(tree, 'lib/modules'), modules, init }, path.join(made, 'initrd.gz'))
    for (const name of unread) await rm(path.join(tree, name), { recursive: true, force: true })
    await writeDom0Files(tree)
    await makeFileSystem(path.join(made, 'dom0.img'), diskMiB, tree)
    await rename(made, directory).catch((error: unknown) => {
      // Another test was faster.
      if (!existsSync(directory)) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** What a build left that was killed, and images of other inputs that nobody used lately. */
async function removeOld(): Promise<void> {
  for (const name of await readdir(cacheDirectory)) {
    const keptMs = name.startsWith('building-') ? 2 * buildTimeoutMs : name.startsWith('xen-') ? unusedMs : Infinity
    const at = path.join(cacheDirectory, name)
    const touchedMs = await stat(at).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    )
    if (Date.now() - touchedMs > keptMs) await rm(at, { recursive: true, force: true })
  }
}

/** mmdebstrap gets Debian's own sources from this machine's apt; it would take others from the network by default. */
async function unpackPackages(work: string, tree: string): Promise<void> {
  const format = '$(ORIGIN) $(SITE) $(RELEASE) $(COMPONENT)'
  const targets = await runProgram('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const lines = targets
    .split('\n')
    .flatMap((line) => (line.startsWith('Debian ') ? [`deb ${line.slice('Debian '.length)}`] : []))
  if (lines.length === 0) throw new Error("apt has no sources of Debian: the lab is made from Debian's packages")
  const sources = path.join(work, 'sources.list')
  await writeFile(sources, `${[...new Set(lines)].join('\n')}\n`)
  // In namespaces of its own, so that nothing of it outlives this process.
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const options = ['--mode=root', '--variant=extract', '--format=directory', `--include=${packages.join(',')}`]
  await runProgram('unshare', [...apart, 'mmdebstrap', ...options, 'bookworm', tree, sources], {
    timeoutMs: buildTimeoutMs,
  })
}

/** A sparse file with an ext4 file system that holds a copy of a directory, or nothing. Mounts nothing. */
export async function makeFileSystem(file: string, sizeMiB: number, tree?: string): Promise<void> {
  const from = tree === undefined ? [] : ['-d', tree]
  await runProgram('mke2fs', ['-q', '-t', 'ext4', '-F', '-m', '0', ...from, file, `${sizeMiB}M`])
}
