package import Domain

/// The programme since its newest key frame, as the units themselves: what a wrapping is given that begins now.
///
/// The units share their memory with the delay line and with other hubs. A group longer or larger than the limits is forgotten up
/// to its next key frame, or to the next unit that needs none. A value; `Hub` guards it.
package struct KeptGroup: Sendable {
    private let limits: HubLimits
    /// `nil` before the first join.
    package private(set) var format: ProgrammeFormat?
    package private(set) var units: [ProgrammeUnit] = []
    private var bytes = 0

    package init(limits: HubLimits = HubLimits()) { self.limits = limits }

    /// `format` holds for what follows.
    package mutating func joined(_ format: ProgrammeFormat) {
        self.format = format
        forget()
    }

    package mutating func append(_ unit: ProgrammeUnit) {
        if unit.track == .video, unit.isKeyFrame { forget() }
        units.append(unit)
        bytes += unit.byteCount
        guard let first = units.first else { return }
        if bytes > limits.maximumBytes || unit.decodeTime - first.decodeTime > limits.maximumGroup { forget() }
    }

    private mutating func forget() {
        units.removeAll(keepingCapacity: true)
        bytes = 0
    }
}
