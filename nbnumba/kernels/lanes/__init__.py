"""The fast CPU path: the loop nest of `kernels.pixel` with its innermost loop over a block of neighbouring pixels.

Each phenomenon is a pass over the lanes of the block, a short loop without branches or calls that LLVM turns into
vector instructions; what passes from one to the next lies in one scratch array. Every pixel still adds its terms in C's
order.
"""
