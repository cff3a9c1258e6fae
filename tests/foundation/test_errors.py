"""Want of memory is told from other troubles."""

from __future__ import annotations

import pytest

from hierclf.foundation.errors import lacks_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("Not enough memory"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[GPU] CL_MEM_OBJECT_ALLOCATION_FAILURE"),
        RuntimeError("[GPU] clEnqueueNDRangeKernel: CL_OUT_OF_RESOURCES"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling create"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cudaErrorMemoryAllocation"),
        RuntimeError("could not create a memory object"),
    ],
    ids=str,
)
def test_memory_has_run_out(error: Exception) -> None:
    assert lacks_memory(error)


@pytest.mark.parametrize(
    "said",
    [
        "expected a tensor allocated on cpu",
        "Tensor is not allocated",
        "memory format channels_last is not supported",
    ],
)
def test_other_troubles_are_none_of_memory(said: str) -> None:
    assert not lacks_memory(RuntimeError(said))
