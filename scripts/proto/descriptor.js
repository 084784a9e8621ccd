// A parsed file as protobuf's own FileDescriptorProto, without what a program does not need of it.
import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { kinds, scalarNumber } from './parse.js'

const single = 1
const many = 3

/** Returns the bytes of the descriptor, in base64 without padding. `find` looks a type up by its name in a scope. */
export function encodeDescriptor(file, find) {
  const descriptor = create(FileDescriptorProtoSchema, {
    name: file.name,
    package: file.package,
    messageType: file.messages.map((message) => messageOf(message, file.package, find)),
    enumType: file.enums.map(enumOf),
    service: file.services.map(({ name, methods }) => ({
      name,
      method: methods.map(({ name, input, output }) => ({
        name,
        inputType: `.${find(input.type, file.package).full}`,
        outputType: `.${find(output.type, file.package).full}`,
        ...(input.streaming ? { clientStreaming: true } : {}),
        ...(output.streaming ? { serverStreaming: true } : {}),
      })),
    })),
    syntax: 'proto3',
  })
  return Buffer.from(toBinary(FileDescriptorProtoSchema, descriptor)).toString('base64').replace(/=+$/, '')
}

function messageOf(message, scope, find) {
  const full = `${scope}.${message.name}`
  return {
    name: message.name,
    field: message.fields.map(({ name, number, type, repeated, oneof }) => {
      const scalar = scalarNumber(type)
      const found = scalar === undefined ? find(type, full) : undefined
      return {
        name,
        number,
        label: repeated ? many : single,
        type: scalar ?? kinds[found.kind],
        ...(found === undefined ? {} : { typeName: `.${found.full}` }),
        ...(oneof === undefined ? {} : { oneofIndex: oneof }),
      }
    }),
    nestedType: message.messages.map((nested) => messageOf(nested, full, find)),
    enumType: message.enums.map(enumOf),
    oneofDecl: message.oneofs.map(({ name }) => ({ name })),
    ...(message.isMap ? { options: { mapEntry: true } } : {}),
  }
}

function enumOf({ name, values }) {
  return { name, value: values.map(({ name, number }) => ({ name, number })) }
}
