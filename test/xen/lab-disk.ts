import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'

import { runProgram } from '../lab/run-program.js'
import { makeFileSystem, type Dom0Image } from './dom0-image.js'

const root = path.resolve(import.meta.dirname, '../..')

export interface LabDiskOptions {
  /** The host's directory. */
  readonly dir: string
  readonly image: Dom0Image
  /** Whether the built product is to be on it. */
  readonly product: boolean
}

export interface LabDisk {
  readonly file: string
  /** Private key that dom0 lets in as root. */
  readonly keyFile: string
  /** dom0's public key, without a name. */
  readonly hostKey: string
}

const sizeMiB = 1024

/** The disk that a lab brings along, seen as /lab in dom0: its init, scripts, keys, the guests' kernel, the product. */
export async function makeLabDisk({ dir, image, product }: LabDiskOptions): Promise<LabDisk> {
  const tree = path.join(dir, 'lab')
  for (const name of ['ssh', 'guest']) await mkdir(path.join(tree, name), { recursive: true })
  await cp(path.join(import.meta.dirname, 'dom0-init.sh'), path.join(tree, 'init'))
  await cp(path.join(import.meta.dirname, 'hotplug'), path.join(tree, 'hotplug'), { recursive: true })
  await cp(image.guest.kernel, path.join(tree, 'guest/kernel'))
  await cp(image.guest.initrd, path.join(tree, 'guest/initrd'))
  const keyFile = path.join(dir, 'key')
  await makeKey(keyFile)
  await cp(`${keyFile}.pub`, path.join(tree, 'ssh/authorized-keys'))
  await makeKey(path.join(tree, 'ssh/host-key'))
  const hostKey = (await readFile(path.join(tree, 'ssh/host-key.pub'), 'utf8')).trim()
  if (product) await installProduct(path.join(tree, 'product'))
  const file = path.join(dir, 'lab.img')
  await makeFileSystem(file, sizeMiB, tree)
  await rm(tree, { recursive: true })
  return { file, keyFile, hostKey }
}

async function makeKey(file: string): Promise<void> {
  await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', file])
}

/** By its own script, as for a machine without a Node of its own. */
async function installProduct(destination: string): Promise<void> {
  await checkNode()
  await mkdir(destination)
  const script = path.join(root, 'deploy/install.sh')
  await runProgram('sh', [script, '--agent', '--node', process.execPath], {
    env: { ...process.env, DESTDIR: destination },
  })
}

/** Libraries that dom0's image has. Those of a Node that was built against others would need their own C library. */
const librariesThere = /^(linux-vdso|ld-linux-x86-64|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|atomic))\.so/

/** @throws unless this Node runs in dom0 too */
async function checkNode(): Promise<void> {
  const text = await runProgram('ldd', [process.execPath])
  const others = [...text.matchAll(/^\s*(\S+)/gm)]
    .map(([, name = '']) => path.basename(name))
    .filter((name) => !librariesThere.test(name))
  if (others.length > 0) {
    throw new Error(`${process.execPath} needs ${others.join(', ')}: use the Node of nodejs.org or nodesource.com here`)
  }
}
