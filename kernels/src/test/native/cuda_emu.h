// CPU emulation of the CUDA kernel dialect used by this project's .cu files.
// g++ -O2 -std=c++17 -fPIC -shared -DCUDA_EMU -include cuda_emu.h -x c++ kernels.cu
// One block runs at a time; each CUDA thread is a coroutine on its own small stack, switched at
// __syncthreads and warp operations. Checks: barrier divergence and deadlock, warp operations that
// name lanes which left, shared-memory budget, uninitialised shared memory (NaN fill), thread order
// (EMU_ORDER=forward|reverse|random:SEED) to show missing barriers.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>
#include <algorithm>
#include <sys/mman.h>
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __constant__ static
#define __grid_constant__
#define __shared__ static __attribute__((section("emu_shared")))
#define DYN_SHARED(T, name) T* name = (T*)emu::st.dyn
struct emu_uint3 { unsigned x, y, z; };
typedef emu_uint3 dim3_;
struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
static inline float2 make_float2(float a, float b) { return {a, b}; }
static inline float4 make_float4(float a, float b, float c, float d) { return {a, b, c, d}; }

namespace emu {
enum { UNSTARTED, READY, AT_BLOCK, AT_WARP, DONE };
struct Thread { int state; emu_uint3 tid; void* sp; int stack; int line; unsigned mask; unsigned ops; };
struct State {
    emu_uint3 tIdx, bIdx, bDim, gDim;
    char* dyn; size_t dynBytes;
    std::vector<Thread> th; std::vector<uint64_t> slot;   // slot: [2][nthreads]
    std::vector<char*> stacks; std::vector<int> freeStacks;
    void* schedSp; int cur; const std::function<void()>* body; std::string err; uint64_t rng; int order;
    const char* kernel;
};
static State st;
static const size_t STACK = 128 * 1024;
extern "C" void emu_switch(void** save, void* to);
asm(".text\n.type emu_switch,@function\nemu_switch:\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
static void toSched() { emu_switch(&st.th[st.cur].sp, st.schedSp); st.tIdx = st.th[st.cur].tid; }
static void fiberMain() {
    for (;;) { (*st.body)(); st.th[st.cur].state = DONE; toSched(); }
}
static void fail(const char* what, int line) {
    if (st.err.empty()) { char b[256]; snprintf(b, sizeof b, "kernel %s block(%u,%u,%u) thread %d line %d: %s", st.kernel,
        st.bIdx.x, st.bIdx.y, st.bIdx.z, st.cur, line, what); st.err = b; }
}
static void resume(int t) {
    Thread& T = st.th[t];
    if (T.state == UNSTARTED) {
        if (st.freeStacks.empty()) {
            char* m = (char*)mmap(nullptr, STACK + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            mprotect(m, 4096, PROT_NONE);
            st.freeStacks.push_back((int)st.stacks.size()); st.stacks.push_back(m + 4096);
        }
        T.stack = st.freeStacks.back(); st.freeStacks.pop_back();
        uint64_t* top = (uint64_t*)(st.stacks[T.stack] + STACK);
        *--top = 0; *--top = (uint64_t)&fiberMain;      // ret address; rsp%16==8 on entry
        for (int i = 0; i < 6; i++) *--top = 0;
        T.sp = top;
    }
    T.state = READY; st.cur = t; st.tIdx = T.tid;
    emu_switch(&st.schedSp, T.sp);
    if (T.state == DONE) st.freeStacks.push_back(T.stack);
}
static inline void syncthreads(int line) { Thread& T = st.th[st.cur]; T.state = AT_BLOCK; T.line = line; toSched(); }
// All lanes of mask deposit v; after the rendezvous every lane can read every deposited value.
static inline uint64_t* warpExchange(unsigned mask, uint64_t v, int line) {
    Thread& T = st.th[st.cur];
    if (!((mask >> (st.cur & 31)) & 1)) { fail("warp operation by a lane its mask does not name", line); }
    unsigned par = T.ops++ & 1; size_t n = st.th.size();
    st.slot[par * n + st.cur] = v; T.mask = mask; T.line = line; T.state = AT_WARP; toSched();
    return &st.slot[par * n + (st.cur & ~31)];
}
template <class T> static inline T shfl(unsigned mask, T v, int src, int line) {
    static_assert(sizeof(T) <= 8, ""); uint64_t u = 0; memcpy(&u, &v, sizeof v);
    uint64_t* w = warpExchange(mask, u, line); T r = v;
    if (src >= 0 && src < 32) {
        if (!((mask >> src) & 1)) fail("shuffle reads a lane outside the mask", line);
        else memcpy(&r, w + src, sizeof r);
    }
    return r;
}
extern "C" { extern char __start_emu_shared[] __attribute__((weak, visibility("hidden"))); extern char __stop_emu_shared[] __attribute__((weak, visibility("hidden"))); }
static size_t staticShared() { return __start_emu_shared ? (size_t)(__stop_emu_shared - __start_emu_shared) : 0; }
static bool runBlock() {
    int n = (int)st.th.size(), alive = n; std::vector<int> ord(n);
    for (int i = 0; i < n; i++) {
        Thread& T = st.th[i]; T.state = UNSTARTED; T.ops = 0;
        T.tid = { i % st.bDim.x, i / st.bDim.x % st.bDim.y, i / (st.bDim.x * st.bDim.y) };
        ord[i] = st.order == 1 ? n - 1 - i : i;
    }
    if (st.dynBytes) memset(st.dyn, 0xff, st.dynBytes);
    if (size_t s = staticShared()) memset(__start_emu_shared, 0xff, s);
    while (alive > 0) {
        if (st.order == 2) for (int i = n - 1; i > 0; i--) { st.rng = st.rng * 6364136223846793005ull + 1442695040888963407ull; std::swap(ord[i], ord[(st.rng >> 33) % (i + 1)]); }
        bool ran = false;
        for (int t : ord) if (st.th[t].state == UNSTARTED || st.th[t].state == READY) {
            resume(t); ran = true; if (st.th[t].state == DONE) alive--;
            if (!st.err.empty()) return false;
        }
        if (!alive) break;
        bool freed = false; int atBlock = 0, line = -1; bool sameLine = true;
        for (int w = 0; w < n; w += 32) {                       // warp rendezvous, one group of equal masks at a time
            for (int l = 0; l < 32 && w + l < n; l++) {
                Thread& T = st.th[w + l]; if (T.state != AT_WARP) continue;
                bool all = true;
                for (int k = 0; k < 32 && all; k++) if ((T.mask >> k) & 1) {
                    if (w + k >= n || st.th[w + k].state == DONE) { st.cur = w + l; fail("warp operation waits for a lane that has left or does not exist", T.line); return false; }
                    Thread& K = st.th[w + k];
                    all = K.state == AT_WARP && K.mask == T.mask;
                    if (all && K.line != T.line) { st.cur = w + l; fail("lanes of one mask meet at different warp operations", T.line); return false; }
                }
                if (all) { unsigned m = T.mask; for (int k = 0; k < 32; k++) if ((m >> k) & 1) st.th[w + k].state = READY; freed = true; }
            }
        }
        for (int i = 0; i < n; i++) if (st.th[i].state == AT_BLOCK) { atBlock++; if (line < 0) line = st.th[i].line; else if (line != st.th[i].line) { sameLine = false; st.cur = i; } }
        if (atBlock == alive) {
            if (alive < n) { for (int i = 0; i < n; i++) if (st.th[i].state == AT_BLOCK) { st.cur = i; break; } fail("__syncthreads after some threads of the block have left the kernel", line); return false; }
            if (!sameLine) { fail("threads of a block meet at different __syncthreads", line); return false; }
            for (int i = 0; i < n; i++) if (st.th[i].state == AT_BLOCK) st.th[i].state = READY;
            freed = true;
        }
        if (!freed && !ran) { fail("deadlock: threads wait at barriers that cannot complete", line); return false; }
        if (!freed) { bool ready = false; for (auto& T : st.th) ready |= T.state == READY || T.state == UNSTARTED; if (!ready) { fail("deadlock: threads wait at barriers that cannot complete", line); return false; } }
    }
    return true;
}
struct Kernel { const char* name; int np; const int* size; const char* kind; void (*call)(void** p, const std::function<void(const std::function<void()>&)>& run); };
inline std::vector<Kernel>& kernels() { static std::vector<Kernel> k; return k; }
template <class T> constexpr char kindOf() { return std::is_pointer<T>::value ? 'p' : std::is_floating_point<T>::value ? 'f' : 'i'; }
template <class F> struct Reg;
template <class... A> struct Reg<void (*)(A...)> {
    template <void (*F)(A...)> struct Of {
        static void call(void** p, const std::function<void(const std::function<void()>&)>& run) { go(p, run, std::index_sequence_for<A...>{}); }
        template <size_t... I> static void go(void** p, const std::function<void(const std::function<void()>&)>& run, std::index_sequence<I...>) {
            (void)p; std::tuple<A...> a(*(A*)p[I]...);
            run([&] { F(std::get<I>(a)...); });
        }
        Of(const char* name) {
            static const int sz[] = { (int)sizeof(A)..., 0 }; static const char kd[] = { kindOf<A>()..., 0 };
            kernels().push_back({ name, (int)sizeof...(A), sz, kd, &call });
        }
    };
};
#define EMU_REGISTER(f) static emu::Reg<decltype(&f)>::Of<&f> emu_reg_##f(#f);
}  // namespace emu
#define threadIdx (emu::st.tIdx)
#define blockIdx (emu::st.bIdx)
#define blockDim (emu::st.bDim)
#define gridDim (emu::st.gDim)
#define warpSize 32
#define __syncthreads() emu::syncthreads(__LINE__)
#define __syncwarp(...) ((void)emu::warpExchange(0xffffffffu, 0, __LINE__))
#define __shfl_sync(m, v, s) emu::shfl((m), (v), (int)(s), __LINE__)
#define __shfl_xor_sync(m, v, o) emu::shfl((m), (v), (emu::st.cur & 31) ^ (int)(o), __LINE__)
#define __shfl_down_sync(m, v, o) emu::shfl((m), (v), (emu::st.cur & 31) + (int)(o), __LINE__)
#define __shfl_up_sync(m, v, o) emu::shfl((m), (v), (emu::st.cur & 31) - (int)(o), __LINE__)
static inline float __int_as_float(int i) { float f; memcpy(&f, &i, 4); return f; }
static inline int __float_as_int(float f) { int i; memcpy(&i, &f, 4); return i; }
static inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
#define __expf(x) expf(x)
static inline float __fdividef(float a, float b) { return a / b; }
template <class T> static inline T __ldg(const T* p) { return *p; }
template <class T> static inline T atomicAdd(T* p, T v) { T o = *p; *p = o + v; return o; }
template <class T> static inline T atomicMin(T* p, T v) { T o = *p; *p = o < v ? o : v; return o; }
template <class T> static inline T atomicMax(T* p, T v) { T o = *p; *p = o > v ? o : v; return o; }

// C interface used by the fake driver and by stand-alone tests.
extern "C" __attribute__((visibility("default"), used)) inline int emu_kernel_count() { return (int)emu::kernels().size(); }
extern "C" __attribute__((visibility("default"), used)) inline int emu_kernel_info(int i, const char** name, int* np, const int** sizes, const char** kinds) {
    auto& k = emu::kernels()[i]; *name = k.name; *np = k.np; *sizes = k.size; *kinds = k.kind; return 0; }
extern "C" __attribute__((visibility("default"), used)) inline int emu_launch(const char* name, unsigned gx, unsigned gy, unsigned gz,
        unsigned bx, unsigned by, unsigned bz, unsigned shmem, void** params, char* err, int errlen) {
    using namespace emu; Kernel* k = nullptr;
    for (auto& q : kernels()) if (!strcmp(q.name, name)) k = &q;
    if (!k) { snprintf(err, errlen, "no kernel %s", name); return 1; }
    st.err.clear(); st.kernel = k->name; st.bDim = { bx, by, bz }; st.gDim = { gx, gy, gz };
    st.th.assign((size_t)bx * by * bz, Thread{}); st.slot.assign(2 * st.th.size() + 64, 0);
    const char* o = getenv("EMU_ORDER"); st.order = !o || !strncmp(o, "forward", 7) ? 0 : !strncmp(o, "reverse", 7) ? 1 : 2;
    st.rng = st.order == 2 && strchr(o, ':') ? strtoull(strchr(o, ':') + 1, nullptr, 10) * 2654435761u + 1 : 1;
    std::vector<char> dyn(shmem + 64); st.dyn = (char*)(((uintptr_t)dyn.data() + 63) & ~(uintptr_t)63); st.dynBytes = shmem;
    memset(st.dyn, 0xff, shmem);
    char canary[16]; memset(canary, 0xa5, 16); size_t room = dyn.data() + dyn.size() - (st.dyn + shmem); if (room > 16) room = 16; memcpy(st.dyn + shmem, canary, room);
    bool ok = true;
    k->call(params, [&](const std::function<void()>& body) {
        st.body = &body;
        for (unsigned z = 0; z < gz && ok; z++) for (unsigned y = 0; y < gy && ok; y++) for (unsigned x = 0; x < gx && ok; x++) {
            st.bIdx = { x, y, z }; ok = runBlock();
            if (ok && memcmp(st.dyn + shmem, canary, room)) { st.cur = 0; fail("write past the dynamic shared memory asked for", 0); ok = false; }
        }
    });
    if (!ok) { snprintf(err, errlen, "%s", st.err.c_str()); st.freeStacks.clear(); for (size_t i = 0; i < st.stacks.size(); i++) st.freeStacks.push_back((int)i); return 2; }
    return 0;
}
extern "C" __attribute__((visibility("default"), used)) inline size_t emu_static_shared() { return emu::staticShared(); }
extern "C" __attribute__((visibility("default"), used)) inline void emu_abort() { emu::st.freeStacks.clear(); for (size_t i = 0; i < emu::st.stacks.size(); i++) emu::st.freeStacks.push_back((int)i); }
// NVRTC has none of these without headers: keep kernels honest.
#undef INFINITY
#undef NAN
#undef M_PI
#undef FLT_MAX
