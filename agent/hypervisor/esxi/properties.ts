import { child, childText, children, type XmlElement } from '../libvirt/xml.js'
import { isSessionEnd, type Invoke, type ServiceContent } from './session.js'
import { leaf, refElement, refIn, SoapFault, type MoRef } from './soap-message.js'

/** An object with those of its properties that could be read. */
export interface ManagedObject {
  readonly ref: MoRef
  readonly properties: ReadonlyMap<string, XmlElement>
}

/** So many objects come in one answer; the rest is asked for. Bounds the size of answers. */
const objectsPerPage = 100
/** No inventory is as large: a server that pages for ever is broken. */
const mostPages = 1000

/**
 * Reads properties of known objects of one type. What the account may not read is left out.
 * @throws SoapFault and what `invoke` throws
 */
export async function readObjects(
  invoke: Invoke,
  content: ServiceContent,
  { type, paths, ids }: { readonly type: string; readonly paths: readonly string[]; readonly ids: readonly string[] },
): Promise<readonly ManagedObject[]> {
  if (ids.length === 0) return []
  const objects = ids.map((id) => `<objectSet>${refElement('obj', { type, id })}<skip>false</skip></objectSet>`)
  return retrieve(invoke, content, `<specSet>${propSet(type, paths)}${objects.join('')}</specSet>`)
}

/** Reads properties of all objects of one type. */
export async function readAll(
  invoke: Invoke,
  content: ServiceContent,
  { type, paths }: { readonly type: string; readonly paths: readonly string[] },
): Promise<readonly ManagedObject[]> {
  const view = await createView(invoke, content, type)
  const objects = await retrieve(invoke, content, `<specSet>${propSet(type, paths)}${viewObjects(view)}</specSet>`)
  await destroy(invoke, view)
  return objects
}

/** Gives back a view or a filter; one that is gone already is no fault. */
export async function destroy(invoke: Invoke, held: MoRef): Promise<void> {
  try {
    await invoke(held.type === 'PropertyFilter' ? 'DestroyPropertyFilter' : 'DestroyView', held)
  } catch (error) {
    if (!(error instanceof SoapFault) || isSessionEnd(error)) throw error
  }
}

/** A list of all objects of one type, which the server keeps as long as the session lives. */
export async function createView(invoke: Invoke, content: ServiceContent, type: string): Promise<MoRef> {
  const args = refElement('container', content.rootFolder) + leaf('type', type) + leaf('recursive', true)
  const view = refIn((await invoke('CreateContainerView', content.viewManager, args))[0])
  if (view === undefined) throw new Error('CreateContainerView: the answer names no view')
  return view
}

/** What a filter or a retrieval reads: properties of the objects in a view. */
export function propSet(type: string, paths: readonly string[]): string {
  return `<propSet>${leaf('type', type)}<all>false</all>${paths.map((path) => leaf('pathSet', path)).join('')}</propSet>`
}

export function viewObjects(view: MoRef): string {
  return (
    `<objectSet>${refElement('obj', view)}<skip>true</skip><selectSet xsi:type="TraversalSpec"><name>view</name>` +
    '<type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet>'
  )
}

async function retrieve(invoke: Invoke, content: ServiceContent, specSet: string): Promise<readonly ManagedObject[]> {
  const collector = content.propertyCollector
  const options = `<options>${leaf('maxObjects', objectsPerPage)}</options>`
  const objects: ManagedObject[] = []
  let [page] = await invoke('RetrievePropertiesEx', collector, specSet + options, { deadlineMs: 30_000 })
  for (let pages = 1; page !== undefined; pages += 1) {
    objects.push(...children(page, 'objects').flatMap(objectIn))
    const token = childText(page, 'token')
    if (token === undefined) break
    if (pages >= mostPages) throw new Error('RetrievePropertiesEx: the server does not come to an end')
    page = (await invoke('ContinueRetrievePropertiesEx', collector, leaf('token', token), { deadlineMs: 30_000 }))[0]
  }
  return objects
}

function objectIn(element: XmlElement): ManagedObject[] {
  const ref = refIn(child(element, 'obj'))
  if (ref === undefined) return []
  const properties = new Map<string, XmlElement>()
  for (const set of children(element, 'propSet')) {
    const name = childText(set, 'name')
    const value = child(set, 'val')
    if (name !== undefined && value !== undefined) properties.set(name, value)
  }
  return [{ ref, properties }]
}
