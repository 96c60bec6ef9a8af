package import NIOCore

/// An IDR access unit with its parameter sets in band, in two pieces that follow each other.
package struct InBandUnit: Sendable, Equatable {
    /// Empty where `payload` has everything.
    package var front: ByteBuffer
    package var payload: ByteBuffer

    package init(front: ByteBuffer, payload: ByteBuffer) {
        self.front = front
        self.payload = payload
    }
}

/// Gives an IDR access unit that lacks them the parameter sets of `format` in band (design §5, Formats), without copying it.
///
/// `payload` has 4-byte lengths. It is all there is when an SPS and a PPS stand before its first slice and an access unit
/// delimiter, if there is one, is first (ISO/IEC 14496-10 §7.4.1.2.3). Nearly every encoder leaves them out, and then they go in
/// front, behind the delimiter. Only what has some sets or has them out of order is put in order by a copy: delimiter, the
/// format's sets, sets of the payload that differ from those (the later one holds), everything else.
package func withParameterSets(_ payload: ByteBuffer, format: VideoFormat) -> InBandUnit {
    switch parameterSetOrder(of: payload) {
    case .complete: InBandUnit(front: ByteBuffer(), payload: payload)
    case .none(let delimiter): inFront(of: payload, delimiter: delimiter, format)
    case .other: InBandUnit(front: ByteBuffer(), payload: reordered(payload, format))
    }
}

private func inFront(of payload: ByteBuffer, delimiter: Range<Int>?, _ format: VideoFormat) -> InBandUnit {
    var rest = payload
    var front = ByteBufferAllocator().buffer(capacity: format.parameterSets.reduce(8) { $0 + $1.count + 4 })
    if let delimiter {
        front.writeUnit(delimiter, of: payload)
        rest.moveReaderIndex(to: delimiter.upperBound)
    }
    front.write(format.parameterSets)
    return InBandUnit(front: front, payload: rest)
}

private func reordered(_ payload: ByteBuffer, _ format: VideoFormat) -> ByteBuffer {
    let setBytes = format.parameterSets.reduce(0) { $0 + $1.count + 4 }
    var result = ByteBufferAllocator().buffer(capacity: payload.readableBytes + setBytes)
    if let delimiter = NALUnits(payload).first(where: { $0.type == NALUnitType.accessUnitDelimiter }) {
        result.writeUnit(delimiter.range, of: payload)
    }
    result.write(format.parameterSets)
    for unit in NALUnits(payload) where isParameterSet(unit.type) {
        let bytes = payload.viewBytes(at: unit.range.lowerBound, length: unit.range.count)
        let isKnown = format.parameterSets.contains { known in bytes.map { $0.elementsEqual(known) } ?? true }
        if !isKnown { result.writeUnit(unit.range, of: payload) }
    }
    for unit in NALUnits(payload) where !isParameterSet(unit.type) && unit.type != NALUnitType.accessUnitDelimiter {
        result.writeUnit(unit.range, of: payload)
    }
    return result
}

extension ByteBuffer {
    fileprivate mutating func write(_ sets: [[UInt8]]) {
        for set in sets {
            writeInteger(UInt32(truncatingIfNeeded: set.count))
            writeBytes(set)
        }
    }
}

private func isParameterSet(_ type: UInt8) -> Bool {
    type == NALUnitType.sequenceParameterSet || type == NALUnitType.pictureParameterSet
}

private enum ParameterSetOrder {
    case complete
    /// None at all; the delimiter, when there is one, is first.
    case none(delimiter: Range<Int>?)
    case other
}

private func parameterSetOrder(of payload: ByteBuffer) -> ParameterSetOrder {
    var (hasSequence, hasPicture, slicesBegan, isComplete, hasLateDelimiter) = (false, false, false, false, false)
    var delimiter: Range<Int>?
    for (position, unit) in NALUnits(payload).enumerated() {
        switch unit.type {
        case NALUnitType.sequenceParameterSet: hasSequence = true
        case NALUnitType.pictureParameterSet: hasPicture = true
        case NALUnitType.accessUnitDelimiter where position == 0: delimiter = unit.range
        case NALUnitType.accessUnitDelimiter: hasLateDelimiter = true
        case NALUnitType.nonIDRSlice...NALUnitType.idrSlice where !slicesBegan:
            slicesBegan = true
            isComplete = hasSequence && hasPicture && !hasLateDelimiter
        default: break  // SEI and the like may stand anywhere before the slices.
        }
    }
    if isComplete || !slicesBegan && hasSequence && hasPicture && !hasLateDelimiter { return .complete }
    return hasSequence || hasPicture || hasLateDelimiter ? .other : .none(delimiter: delimiter)
}
