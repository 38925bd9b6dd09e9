import { XdrError, type XdrReader, type XdrWriter } from './xdr.js'

/** libvirt's virTypedParameter: a named value of one of seven types. Integers of any width are `bigint`. */
export type ParameterValue = bigint | number | boolean | string
export type TypedParameters = ReadonlyMap<string, ParameterValue>

const parameterType = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 } as const

/** The least that one takes: an empty name, a type, a value. */
const parameterBytes = 12

/**
 * Reads a list of parameters. The later of two with one name wins.
 * @throws XdrError on a type that does not exist: what follows it cannot be read
 */
export function readTypedParameters(reader: XdrReader, max: number): TypedParameters {
  const parameters = new Map<string, ParameterValue>()
  for (const [name, value] of reader.array(max, parameterBytes, readParameter)) parameters.set(name, value)
  return parameters
}

function readParameter(reader: XdrReader): readonly [string, ParameterValue] {
  const name = reader.string(1024)
  return [name, readValue(reader, reader.int())]
}

function readValue(reader: XdrReader, type: number): ParameterValue {
  switch (type) {
    case parameterType.int:
      return BigInt(reader.int())
    case parameterType.uint:
      return BigInt(reader.uint())
    case parameterType.llong:
      return reader.hyper()
    case parameterType.ullong:
      return reader.unsignedHyper()
    case parameterType.double:
      return reader.double()
    case parameterType.boolean:
      return reader.bool()
    case parameterType.string:
      return reader.string()
    default:
      throw new XdrError(`a parameter of type ${type}`)
  }
}

/** Writes a list of parameters that are unsigned 64-bit integers. */
export function writeUnsignedParameters(writer: XdrWriter, values: ReadonlyMap<string, bigint>): XdrWriter {
  return writer.array([...values], (item, [name, value]) => {
    item.string(name).int(parameterType.ullong).unsignedHyper(value)
  })
}

/** The counter of this name; undefined if it is missing, no integer, or negative, which is libvirt's "not known". */
export function counter(parameters: TypedParameters, name: string): bigint | undefined {
  const value = parameters.get(name)
  return typeof value === 'bigint' && value >= 0n ? value : undefined
}

export function text(parameters: TypedParameters, name: string): string | undefined {
  const value = parameters.get(name)
  return typeof value === 'string' ? value : undefined
}
