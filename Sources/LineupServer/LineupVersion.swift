/// The program's own version; raised by hand with each release.
package enum LineupVersion {
    package static let text = "0.1.0"
}
