// libcublas.so.12 for tests (symbol version node libcublas.so.12 comes from cublas.map).
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>
#define API extern "C" __attribute__((visibility("default")))
extern "C" int emu_enqueue(void*, void (*)(void*), void*, const char*); extern "C" size_t emu_room(const void*); extern "C" int emu_error(const char*); extern "C" void emu_object(const char*, int); extern "C" int emu_call(const char*);
enum { OK = 0, NOT_INIT = 1, INVALID = 7, EXEC = 13, NOTSUP = 15 };
struct H { void* stream = nullptr; int mode = 0, math = 0; };
static float ld(const void* p, int t, size_t i) {
    if (t == 0) return ((const float*)p)[i];
    uint16_t h = ((const uint16_t*)p)[i]; uint32_t u; float f;
    if (t == 14) { u = (uint32_t)h << 16; memcpy(&f, &u, 4); return f; }
    int e = (h >> 10) & 31, m = h & 1023; f = e == 31 ? (m ? NAN : (float)HUGE_VAL) : e ? std::ldexp((float)(m + 1024), e - 25) : std::ldexp((float)m, -24); return h & 0x8000 ? -f : f;
}
static void st(void* p, int t, size_t i, float v) {
    if (t == 0) { ((float*)p)[i] = v; return; } uint32_t u; memcpy(&u, &v, 4);
    if (t == 14) { ((uint16_t*)p)[i] = (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16); return; }
    _Float16 h = (_Float16)v; memcpy((uint16_t*)p + i, &h, 2);
}
static float tf32(float v) { uint32_t u; memcpy(&u, &v, 4); u = (u + 0xfff + ((u >> 13) & 1)) & ~0x1fffu; memcpy(&v, &u, 4); return v; }
static size_t esz(int t) { return t == 0 ? 4 : t == 2 || t == 14 ? 2 : 0; }
struct G { int ta, tb, m, n, k; float al, be; const void* A; int at; int lda; long long sa; const void* B; int bt; int ldb; long long sb; void* C; int ct; int ldc; long long sc; int batch; bool tf; };
static void run(void* vp) {
    G* g = (G*)vp; std::vector<float> a((size_t)g->m * g->k), b((size_t)g->k), acc(g->m);
    for (int z = 0; z < g->batch; z++) {
        const char* A = (const char*)g->A + z * g->sa * (long long)esz(g->at); const char* B = (const char*)g->B + z * g->sb * (long long)esz(g->bt); char* C = (char*)g->C + z * g->sc * (long long)esz(g->ct);
        for (int p = 0; p < g->k; p++) for (int i = 0; i < g->m; i++) { float v = ld(A, g->at, g->ta ? (size_t)i * g->lda + p : (size_t)p * g->lda + i); a[(size_t)p * g->m + i] = g->tf ? tf32(v) : v; }
        for (int j = 0; j < g->n; j++) {
            std::fill(acc.begin(), acc.end(), 0.f);
            for (int p = 0; p < g->k; p++) { float v = ld(B, g->bt, g->tb ? (size_t)p * g->ldb + j : (size_t)j * g->ldb + p); if (g->tf) v = tf32(v); const float* q = &a[(size_t)p * g->m]; for (int i = 0; i < g->m; i++) acc[i] += q[i] * v; }
            for (int i = 0; i < g->m; i++) { size_t x = (size_t)j * g->ldc + i; st(C, g->ct, x, g->al * acc[i] + (g->be == 0 ? 0.f : g->be * ld(C, g->ct, x))); }
        }
    }
    // kept: a captured graph replays it (leaks ~150 bytes a gemm, tests only)
}
static bool inside(const void* p, int rows, int cols, int ldx, long long stride, int batch, int t, const char* n) {
    size_t need = ((size_t)(cols - 1) * ldx + rows + (size_t)(batch - 1) * stride) * esz(t);
    if (emu_room(p) >= need) return true; char b[120]; snprintf(b, sizeof b, "cuBLAS gemm: matrix %s needs %zu bytes, its allocation has %zu from there", n, need, emu_room(p)); emu_error(b); return false;
}
static int gemm(void* h, int ta, int tb, int m, int n, int k, const void* al, const void* A, int at, int lda, long long sa, const void* B, int bt, int ldb, long long sb, const void* be, void* C, int ct, int ldc, long long sc, int batch, bool tf, const char* nm) {
    if (!h) return NOT_INIT; if (m < 0 || n < 0 || k < 0 || batch < 0 || ta < 0 || ta > 2 || tb < 0 || tb > 2) return INVALID;
    if (!esz(at) || !esz(bt) || !esz(ct)) return NOTSUP;
    if (lda < std::max(1, ta ? k : m) || ldb < std::max(1, tb ? n : k) || ldc < std::max(1, m)) return INVALID; if (!m || !n || !batch) return OK;
    if ((k && (!inside(A, ta ? k : m, ta ? m : k, lda, sa, batch, at, "A") || !inside(B, tb ? n : k, tb ? k : n, ldb, sb, batch, bt, "B"))) || !inside(C, m, n, ldc, sc, batch, ct, "C")) return EXEC;
    H* hh = (H*)h; auto* g = new G{ ta, tb, m, n, k, *(const float*)al, *(const float*)be, A, at, lda, sa, B, bt, ldb, sb, C, ct, ldc, sc, batch, tf || hh->math == 3 };
    return emu_enqueue(hh->stream, run, g, nm) ? EXEC : OK;
}
API int cublasCreate_v2(void** h) { if (int f = emu_call("cublasCreate")) return f; *h = new H; emu_object("cublas", 1); return OK; }
API int cublasDestroy_v2(void* h) { delete (H*)h; emu_object("cublas", -1); return OK; }
API int cublasGetVersion_v2(void*, int* v) { *v = 120600; return OK; }
API int cublasSetStream_v2(void* h, void* s) { if (!h) return NOT_INIT; ((H*)h)->stream = s; return OK; }
API int cublasGetStream_v2(void* h, void** s) { if (!h) return NOT_INIT; *s = ((H*)h)->stream; return OK; }
API int cublasSetMathMode(void* h, int m) { if (!h) return NOT_INIT; ((H*)h)->math = m; return OK; }
API int cublasGetMathMode(void* h, int* m) { if (!h) return NOT_INIT; *m = ((H*)h)->math; return OK; }
API int cublasSetPointerMode_v2(void* h, int m) { if (!h) return NOT_INIT; ((H*)h)->mode = m; return OK; }
API int cublasGetPointerMode_v2(void* h, int* m) { if (!h) return NOT_INIT; *m = ((H*)h)->mode; return OK; }
API int cublasSetWorkspace_v2(void*, void*, size_t) { return OK; }
API int cublasSgemm_v2(void* h, int ta, int tb, int m, int n, int k, const float* al, const float* A, int lda, const float* B, int ldb, const float* be, float* C, int ldc) { return gemm(h, ta, tb, m, n, k, al, A, 0, lda, 0, B, 0, ldb, 0, be, C, 0, ldc, 0, 1, false, "cublasSgemm"); }
API int cublasSgemmStridedBatched(void* h, int ta, int tb, int m, int n, int k, const float* al, const float* A, int lda, long long sa, const float* B, int ldb, long long sb, const float* be, float* C, int ldc, long long sc, int batch) { return gemm(h, ta, tb, m, n, k, al, A, 0, lda, sa, B, 0, ldb, sb, be, C, 0, ldc, sc, batch, false, "cublasSgemmStridedBatched"); }
API int cublasGemmEx(void* h, int ta, int tb, int m, int n, int k, const void* al, const void* A, int at, int lda, const void* B, int bt, int ldb, const void* be, void* C, int ct, int ldc, int comp, int) { if (comp != 68 && comp != 77) return NOTSUP; emu_call(at == 14 ? "cublasGemmEx bf16" : comp == 77 ? "cublasGemmEx tf32" : "cublasGemmEx f32"); return gemm(h, ta, tb, m, n, k, al, A, at, lda, 0, B, bt, ldb, 0, be, C, ct, ldc, 0, 1, comp == 77, "cublasGemmEx"); }
API int cublasGemmStridedBatchedEx(void* h, int ta, int tb, int m, int n, int k, const void* al, const void* A, int at, int lda, long long sa, const void* B, int bt, int ldb, long long sb, const void* be, void* C, int ct, int ldc, long long sc, int batch, int comp, int) { if (comp != 68 && comp != 77) return NOTSUP; return gemm(h, ta, tb, m, n, k, al, A, at, lda, sa, B, bt, ldb, sb, be, C, ct, ldc, sc, batch, comp == 77, "cublasGemmStridedBatchedEx"); }
