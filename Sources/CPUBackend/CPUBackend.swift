import CKernels
import YuyanTensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The processor as a backend: the doors on the kernels of `CKernels`.
///
/// Each family of doors is an extension in a file of its own.
public final class CPUBackend: Backend {
    /// The backend of this process.
    ///
    /// Kernels share one thread pool, so there is one.
    public static let shared = CPUBackend()

    /// The pool that storages take memory from.
    public let pool: BufferPool

    private init() {
        pool = BufferPool(allocate: { yk_allocate_block($0) }, free: { yk_free_block($0, $1) })
    }

    /// The name `cpu`.
    public var name: String { "cpu" }

    /// The chosen kernels and the number of threads.
    public var summary: String {
        "cpu, kernels \(CPUBackend.kernelSet.rawValue), \(CPUBackend.threadCount) threads"
    }

    /// The sets of kernels that this processor can run.
    public var kernelChoices: [String] { CPUBackend.availableKernelSets.map(\.rawValue) }

    /// What is wrong with `YUYAN_KERNELS` or `YUYAN_THREADS`, or nil.
    public var environmentError: String? { yk_environment_error().map { String(cString: $0) } }

    /// Whether the processor multiplies bf16 faster than f32.
    public var prefersBF16: Bool {
        switch CPUBackend.kernelSet {
        case .amx, .avx512BF16: true
        default: false
        }
    }

    /// Copies host bytes to an address of this backend.
    public func upload(to address: UnsafeMutableRawPointer, from bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress, bytes.count > 0 { memcpy(address, base, bytes.count) }
    }

    /// Copies bytes of this backend to the host.
    public func download(to bytes: UnsafeMutableRawBufferPointer, from address: UnsafeRawPointer) {
        if let base = bytes.baseAddress, bytes.count > 0 { memcpy(base, address, bytes.count) }
    }
}

/// The sets of kernels of the CPU, from the plain reference upwards.
public enum KernelSet: String, Sendable, CaseIterable {
    /// Plain C, the reference.
    case scalar
    /// AVX2 and FMA.
    case avx2
    /// AVX-512 F, BW, DQ and VL.
    case avx512
    /// AVX-512 with bf16 dot products.
    case avx512BF16 = "avx512-bf16"
    /// bf16 tiles.
    case amx
    /// The tile code with its tile instructions carried out in C, to check it elsewhere.
    case amxEmulated = "amx-emulated"
}

extension CPUBackend {
    /// The kernels that the calling thread uses.
    public static var kernelSet: KernelSet {
        let name = String(cString: yk_kernel_set_name(yk_active_kernel_set()))
        return KernelSet(rawValue: name) ?? .scalar
    }

    /// The sets that this processor can run.
    public static var availableKernelSets: [KernelSet] {
        KernelSet.allCases.filter { set in
            var number = YK_SCALAR
            return yk_kernel_set_from_name(set.rawValue, &number) && yk_kernel_set_available(number)
        }
    }

    /// Chooses the kernels for what the calling thread does from here on; false when the processor cannot run them.
    @discardableResult
    public static func use(_ set: KernelSet) -> Bool {
        var number = YK_SCALAR
        return yk_kernel_set_from_name(set.rawValue, &number) && yk_use_kernel_set(number)
    }

    /// The number of threads that kernels use; setting it counts for the calling thread alone.
    public static var threadCount: Int {
        get { Int(yk_thread_count()) }
        set { yk_set_thread_count(Int32(clamping: newValue)) }
    }
}

extension DType {
    /// The number of this type in C.
    var kernelType: yk_dtype {
        switch self {
        case .f32: YK_F32
        case .bf16: YK_BF16
        case .f64: YK_F64
        case .i32: YK_I32
        case .u8: YK_U8
        }
    }
}
