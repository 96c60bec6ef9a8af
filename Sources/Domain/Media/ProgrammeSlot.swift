/// One DJ's slot, as viewers may know it.
package struct ProgrammeSlot: Sendable, Equatable {
    /// Names the slot for as long as anybody can see it; letters, digits and hyphens.
    package var id: String
    /// The name the DJ shows to everybody; any characters.
    package var name: String
    /// When their first picture left.
    package var start: WallTime
    /// When the slot is over by its clock; `nil` while it has no end, or while the clock stands still.
    package var plannedEnd: WallTime?

    package init(id: String, name: String, start: WallTime, plannedEnd: WallTime?) {
        self.id = id
        self.name = name
        self.start = start
        self.plannedEnd = plannedEnd
    }
}
