package import NIOCore

/// Puts the parameter sets of `format` into an IDR access unit that lacks them in band (design §5, Formats).
///
/// `payload` has 4-byte lengths. It comes back as it is, uncopied, when an SPS and a PPS stand before its first slice and an
/// access unit delimiter, if there is one, is first (ISO/IEC 14496-10 §7.4.1.2.3). Otherwise the order of the result is:
/// delimiter, the format's sets, sets of the payload that differ from those (the later one holds), everything else.
package func withParameterSets(_ payload: ByteBuffer, format: VideoFormat) -> ByteBuffer {
    if hasParameterSetsInOrder(payload) { return payload }
    let setBytes = format.parameterSets.reduce(0) { $0 + $1.count + 4 }
    var result = ByteBufferAllocator().buffer(capacity: payload.readableBytes + setBytes)
    if let delimiter = NALUnits(payload).first(where: { $0.type == NALUnitType.accessUnitDelimiter }) {
        result.writeUnit(delimiter.range, of: payload)
    }
    for set in format.parameterSets {
        result.writeInteger(UInt32(truncatingIfNeeded: set.count))
        result.writeBytes(set)
    }
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

private func isParameterSet(_ type: UInt8) -> Bool {
    type == NALUnitType.sequenceParameterSet || type == NALUnitType.pictureParameterSet
}

private func hasParameterSetsInOrder(_ payload: ByteBuffer) -> Bool {
    var hasSequence = false
    var hasPicture = false
    for (position, unit) in NALUnits(payload).enumerated() {
        switch unit.type {
        case NALUnitType.sequenceParameterSet: hasSequence = true
        case NALUnitType.pictureParameterSet: hasPicture = true
        case NALUnitType.accessUnitDelimiter where position > 0: return false
        case NALUnitType.nonIDRSlice...NALUnitType.idrSlice: return hasSequence && hasPicture
        default: break  // SEI and the like may stand anywhere before the slices.
        }
    }
    return hasSequence && hasPicture
}
