package import NIOCore

/// A key access unit with its parameter sets in band, in two pieces that follow each other.
package struct InBandUnit: Sendable, Equatable {
    /// Empty where `payload` has everything.
    package var front: ByteBuffer
    package var payload: ByteBuffer

    package init(front: ByteBuffer, payload: ByteBuffer) {
        self.front = front
        self.payload = payload
    }
}

/// Gives an access unit that a decoder may start at, and that lacks them, the parameter sets of `format` in band (design §5,
/// Formats), without copying it.
///
/// `payload` has 4-byte lengths. It is all there is when a set of each kind stands before its first slice and an access unit
/// delimiter, if there is one, is first (ISO/IEC 14496-10 §7.4.1.2.3; ITU-T H.265 §7.4.2.4.4). Nearly every encoder leaves them out, and
/// then they go in front, behind the delimiter. Only what has some sets or has them out of order is put in order by a copy:
/// delimiter, the format's sets, sets of the payload that differ from those (the later one holds), everything else.
/// What is neither H.264 nor HEVC has no sets and stays as it is.
package func withParameterSets(_ payload: ByteBuffer, format: VideoFormat) -> InBandUnit {
    guard let syntax = UnitSyntax(format.codec) else { return InBandUnit(front: ByteBuffer(), payload: payload) }
    switch syntax.parameterSetOrder(of: payload) {
    case .complete: return InBandUnit(front: ByteBuffer(), payload: payload)
    case .none(let delimiter): return inFront(of: payload, delimiter: delimiter, format)
    case .other: return InBandUnit(front: ByteBuffer(), payload: syntax.reordered(payload, format))
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

extension ByteBuffer {
    fileprivate mutating func write(_ sets: [[UInt8]]) {
        for set in sets {
            writeInteger(UInt32(truncatingIfNeeded: set.count))
            writeBytes(set)
        }
    }
}

private enum ParameterSetOrder {
    case complete
    /// None at all; the delimiter, when there is one, is first.
    case none(delimiter: Range<Int>?)
    case other
}

/// What a codec's NAL units are to the order of an access unit.
private enum UnitSyntax {
    case h264, hevc

    enum Role: Equatable {
        case delimiter
        /// Numbered from 0 in the order they are needed.
        case parameterSet(Int)
        case slice
        /// SEI and the like may stand anywhere before the slices.
        case other
    }

    init?(_ codec: VideoFormat.Codec) {
        switch codec {
        case .h264: self = .h264
        case .hevc: self = .hevc
        case .av1, .vp9: return nil
        }
    }

    var kindsOfSets: Int {
        switch self {
        case .h264: 2
        case .hevc: 3
        }
    }

    func role(of unit: NALUnits.Unit) -> Role {
        switch self {
        case .h264:
            switch unit.type {
            case NALUnitType.accessUnitDelimiter: .delimiter
            case NALUnitType.sequenceParameterSet: .parameterSet(0)
            case NALUnitType.pictureParameterSet: .parameterSet(1)
            case NALUnitType.nonIDRSlice...NALUnitType.idrSlice: .slice
            default: .other
            }
        case .hevc:
            switch unit.hevcType {
            case HEVCUnitType.accessUnitDelimiter: .delimiter
            case HEVCUnitType.videoParameterSet: .parameterSet(0)
            case HEVCUnitType.sequenceParameterSet: .parameterSet(1)
            case HEVCUnitType.pictureParameterSet: .parameterSet(2)
            case HEVCUnitType.slices: .slice
            default: .other
            }
        }
    }

    func parameterSetOrder(of payload: ByteBuffer) -> ParameterSetOrder {
        var kinds = 0
        var (slicesBegan, hasAny, isComplete, hasLateDelimiter) = (false, false, false, false)
        var delimiter: Range<Int>?
        let all = 1 << kindsOfSets - 1
        for (position, unit) in NALUnits(payload).enumerated() {
            switch role(of: unit) {
            case .parameterSet(let kind):
                kinds |= 1 << kind
                hasAny = true
            case .delimiter where position == 0: delimiter = unit.range
            case .delimiter: hasLateDelimiter = true
            case .slice where !slicesBegan:
                slicesBegan = true
                isComplete = kinds == all && !hasLateDelimiter
            case .slice, .other: break
            }
        }
        if isComplete || !slicesBegan && kinds == all && !hasLateDelimiter { return .complete }
        return hasAny || hasLateDelimiter ? .other : .none(delimiter: delimiter)
    }

    func reordered(_ payload: ByteBuffer, _ format: VideoFormat) -> ByteBuffer {
        let setBytes = format.parameterSets.reduce(0) { $0 + $1.count + 4 }
        var result = ByteBufferAllocator().buffer(capacity: payload.readableBytes + setBytes)
        if let delimiter = NALUnits(payload).first(where: { role(of: $0) == .delimiter }) {
            result.writeUnit(delimiter.range, of: payload)
        }
        result.write(format.parameterSets)
        for unit in NALUnits(payload) {
            guard case .parameterSet = role(of: unit) else { continue }
            let bytes = payload.viewBytes(at: unit.range.lowerBound, length: unit.range.count)
            let isKnown = format.parameterSets.contains { known in bytes.map { $0.elementsEqual(known) } ?? true }
            if !isKnown { result.writeUnit(unit.range, of: payload) }
        }
        for unit in NALUnits(payload) {
            switch role(of: unit) {
            case .slice, .other: result.writeUnit(unit.range, of: payload)
            case .delimiter, .parameterSet: break
            }
        }
        return result
    }
}
