#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The machine's memory.
enum MachineMemory {
    /// Its size in bytes; 0 when the operating system does not tell.
    static var bytes: Int { max(0, sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))) }
}
