import { MalformedFrame } from './frame.js'

export type FileNode =
  | { readonly kind: 'directory'; readonly entries: Map<string, FileNode> }
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'link'; readonly target: string }
  /** A block device's node, with its number as in sysfs. */
  | { readonly kind: 'device'; readonly number: string }
  /** It is there; what is in it was not told. */
  | { readonly kind: 'unread' }

type Directory = Extract<FileNode, { kind: 'directory' }>

interface Place {
  readonly node: FileNode
  /** The way to it from the root, without symbolic links. */
  readonly names: readonly string[]
}

const mostLinks = 40
const mostNameLength = 255
const mostPathLength = 4096

/**
 * Files and links of another machine, in memory. Links lead nowhere but to other places of the same tree. What is added is taken
 * as it comes: of two things with one name the first stays, and what lies behind a circle of links is left out.
 */
export class FileTree {
  readonly #root: Directory = { kind: 'directory', entries: new Map() }
  #left: number
  /** Where the last one was added: the next often goes there too. */
  #last: { readonly path: string; readonly directory: Directory } | undefined

  /** @param mostNodes files, links and directories that it may hold */
  constructor(private readonly mostNodes: number) {
    this.#left = mostNodes
  }

  /** @throws MalformedFrame if the tree is full */
  add(path: string, node: FileNode): void {
    const cut = path.lastIndexOf('/')
    const name = path.slice(cut + 1)
    if (name === '..' || !isName(name)) return
    const parent = this.#parent(path.slice(0, cut))
    if (parent !== undefined && !parent.entries.has(name)) this.#put(parent, name, node)
  }

  /** @param followLast whether a link at the end of the path stands for what it points at */
  find(path: string, { followLast = true } = {}): FileNode | undefined {
    return this.#walk(path, { make: false, followLast })?.node
  }

  /** The path without symbolic links; undefined if there is no such thing. */
  realPath(path: string): string | undefined {
    const place = this.#walk(path, { make: false, followLast: true })
    return place === undefined ? undefined : `/${place.names.join('/')}`
  }

  #parent(path: string): Directory | undefined {
    if (this.#last?.path === path) return this.#last.directory
    const found = this.#walk(path, { make: true, followLast: true })?.node
    if (found?.kind !== 'directory') return undefined
    this.#last = { path, directory: found }
    return found
  }

  #put(parent: Directory, name: string, node: FileNode): void {
    if (this.#left <= 0) throw new MalformedFrame(`more than ${this.mostNodes} files`)
    this.#left -= 1
    parent.entries.set(name, node)
  }

  #walk(
    path: string,
    { make, followLast }: { readonly make: boolean; readonly followLast: boolean },
  ): Place | undefined {
    if (path.length > mostPathLength) return undefined
    let above: Directory[] = [this.#root]
    let names: string[] = []
    let rest = partsOf(path).toReversed()
    let links = 0
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const directory = above.at(-1) ?? this.#root
      if (name === '..') {
        if (above.length > 1) above.pop()
        names.pop()
        continue
      }
      let node = directory.entries.get(name)
      if (node === undefined) {
        if (!make || !isName(name)) return undefined
        node = { kind: 'directory', entries: new Map() }
        this.#put(directory, name, node)
      }
      if (node.kind === 'link' && (rest.length > 0 || followLast)) {
        links += 1
        if (links > mostLinks) return undefined
        if (node.target.startsWith('/')) {
          above = [this.#root]
          names = []
        }
        rest = [...rest, ...partsOf(node.target).toReversed()]
        continue
      }
      names.push(name)
      if (rest.length === 0) return { node, names }
      if (node.kind !== 'directory') return undefined
      above.push(node)
    }
    return { node: above.at(-1) ?? this.#root, names }
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function isName(name: string): boolean {
  return name !== '' && name !== '.' && name.length <= mostNameLength && !name.includes('\0')
}
