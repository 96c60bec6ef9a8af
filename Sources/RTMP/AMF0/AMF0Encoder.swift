package import NIOCore

extension ByteBuffer {
    /// Appends values as AMF 0. Names longer than 65,535 bytes are cut there; we write none.
    package mutating func writeAMF0(_ values: [AMF0Value]) {
        for value in values { writeAMF0(value) }
    }

    package mutating func writeAMF0(_ value: AMF0Value) {
        switch value {
        case .number(let number):
            writeInteger(UInt8(0))
            writeInteger(number.bitPattern)
        case .boolean(let flag): writeBytes([1, flag ? 1 : 0])
        case .string(let text): writeAMF0String(text)
        case .object(let object):
            writeInteger(UInt8(3))
            writeAMF0Members(object)
        case .null: writeInteger(UInt8(5))
        case .undefined: writeInteger(UInt8(6))
        case .associativeArray(let object):
            writeInteger(UInt8(8))
            writeInteger(UInt32(truncatingIfNeeded: object.members.count))
            writeAMF0Members(object)
        case .array(let elements):
            writeInteger(UInt8(10))
            writeInteger(UInt32(truncatingIfNeeded: elements.count))
            writeAMF0(elements)
        case .date(let milliseconds):
            writeInteger(UInt8(11))
            writeInteger(milliseconds.bitPattern)
            writeInteger(UInt16(0))
        }
    }

    private mutating func writeAMF0String(_ text: String) {
        let bytes = text.utf8
        if bytes.count <= Int(UInt16.max) {
            writeInteger(UInt8(2))
            writeInteger(UInt16(truncatingIfNeeded: bytes.count))
        } else {
            writeInteger(UInt8(12))
            writeInteger(UInt32(truncatingIfNeeded: bytes.count))
        }
        writeBytes(bytes)
    }

    private mutating func writeAMF0Members(_ object: AMF0Object) {
        for member in object.members {
            let name = member.name.utf8.prefix(Int(UInt16.max))
            writeInteger(UInt16(truncatingIfNeeded: name.count))
            writeBytes(name)
            writeAMF0(member.value)
        }
        writeBytes([0, 0, 9])
    }
}
