"""Products, decompositions, equations, Fourier transforms."""

from dualnet.rosetta.row import EXACT, Row

ROWS = (
    Row(
        "matrix product",
        tf=("tf.linalg.matmul(x, weight)", "keras.ops.matmul(x, weight)", "x @ weight"),
        torch=("torch.matmul(x, weight)", "torch.mm(x, weight)", "x @ weight"),
    ),
    Row(
        "products of many matrices",
        tf=("tf.linalg.matmul(cube, cube2)", "keras.ops.matmul(cube, cube2)"),
        torch=("torch.bmm(cube, cube2)", "torch.matmul(cube, cube2)"),
    ),
    Row(
        "product with a transposed matrix",
        tf="tf.linalg.matmul(x, y, transpose_b=True)",
        torch="torch.matmul(x, y.mT)",
    ),
    Row(
        "matrix times vector",
        tf=("tf.linalg.matvec(x, v)", "keras.ops.matmul(x, v)"),
        torch=("torch.mv(x, v)", "x @ v"),
        note="matvec: tf.matmul wants matrices",
        without="tf.linalg.matmul(x, v)",
        difference="D267",
    ),
    Row(
        "sum, plus a product",
        tf="rhs + tf.linalg.matmul(x, weight)",
        torch="torch.addmm(rhs, x, weight)",
    ),
    Row(
        "inner product",
        tf=("tf.tensordot(v, u, 1)", "keras.ops.dot(v, u)", "keras.ops.vdot(v, u)"),
        torch=("torch.dot(v, u)", "torch.vdot(v, u)", "torch.inner(v, u)"),
    ),
    Row("outer product", tf=("tf.tensordot(v, u, 0)", "keras.ops.outer(v, u)"), torch="torch.outer(v, u)"),
    Row(
        "contraction of axes",
        tf=("tf.tensordot(cube, x, axes=((1, 2), (0, 1)))", "keras.ops.tensordot(cube, x, axes=((1, 2), (0, 1)))"),
        torch="torch.tensordot(cube, x, dims=((1, 2), (0, 1)))",
    ),
    Row(
        "Einstein sum",
        tf=('tf.einsum("btc,tc,cd->bd", cube, x, weight)', 'keras.ops.einsum("btc,tc,cd->bd", cube, x, weight)'),
        torch='torch.einsum("btc,tc,cd->bd", cube, x, weight)',
    ),
    Row("Kronecker product", tf="keras.ops.kron(points, weight)", torch="torch.kron(points, weight)"),
    Row(
        "cross product",
        tf=("tf.linalg.cross(points, others)", "keras.ops.cross(points, others)"),
        torch="torch.linalg.cross(points, others)",
    ),
    Row(
        "cross products of three points",
        tf="tf.linalg.cross(points[:3], others[:3])",
        torch="torch.linalg.cross(points[:3], others[:3])",
        note="linalg.cross: torch.cross takes the first axis of size 3",
        without="torch.cross(points[:3], others[:3])",
        difference="D268",
    ),
    Row("trace", tf=("tf.linalg.trace(square)", "keras.ops.trace(square)"), torch="torch.trace(square)"),
    Row(
        "determinant",
        tf=("tf.linalg.det(square)", "keras.ops.det(square)"),
        torch="torch.linalg.det(square)",
        note="of a singular matrix TensorFlow has no gradient, PyTorch's is 0",
        difference="D210",
    ),
    Row(
        "sign and logarithm of the determinant",
        tf=("tf.linalg.slogdet(square)", "keras.ops.slogdet(square)"),
        torch="torch.linalg.slogdet(square)",
    ),
    Row(
        "logarithm of the determinant",
        tf="tf.linalg.logdet(spd)",
        torch="torch.logdet(spd)",
    ),
    Row("inverse", tf=("tf.linalg.inv(square)", "keras.ops.inv(square)"), torch="torch.linalg.inv(square)"),
    Row(
        "pseudo-inverse",
        tf="tf.linalg.pinv(tall)",
        torch="torch.linalg.pinv(tall)",
        note="set the cutoff where singular values are tiny: ten times as high in TensorFlow",
        difference="D265",
    ),
    Row(
        "solution of linear equations",
        tf=("tf.linalg.solve(square, rhs)", "keras.ops.solve(square, rhs)"),
        torch="torch.linalg.solve(square, rhs)",
    ),
    Row(
        "solution of triangular equations",
        tf=("tf.linalg.triangular_solve(square, rhs)", "keras.ops.solve_triangular(square, rhs, lower=True)"),
        torch="torch.linalg.solve_triangular(square, rhs, upper=False)",
    ),
    Row(
        "solution with a Cholesky factor",
        tf="tf.linalg.cholesky_solve(tf.linalg.cholesky(spd), rhs)",
        torch="torch.cholesky_solve(rhs, torch.linalg.cholesky(spd))",
        note="the arguments change places",
        without="torch.cholesky_solve(torch.linalg.cholesky(spd), rhs)",
        names=("tf.linalg.cholesky_solve", "torch.cholesky_solve"),
    ),
    Row(
        "least squares",
        tf=("tf.linalg.lstsq(tall, tall_rhs, fast=False)", "keras.ops.lstsq(tall, tall_rhs)"),
        torch="torch.linalg.lstsq(tall, tall_rhs).solution",
        note="fast=False: the normal equations square the condition number; no gradient for it in TensorFlow",
        gradients=False,
        difference="D266",
    ),
    Row(
        "Cholesky factor",
        tf=("tf.linalg.cholesky(spd)", "keras.ops.cholesky(spd)"),
        torch="torch.linalg.cholesky(spd)",
        note="of another matrix tf.linalg.cholesky gives garbage, PyTorch raises",
        difference="D264",
    ),
    Row(
        "QR decomposition",
        tf=("tf.linalg.qr(tall)", "keras.ops.qr(tall)"),
        torch="torch.linalg.qr(tall)",
        note="signs are arbitrary, equal on this kind of processor",
    ),
    Row(
        "singular values",
        tf=("tf.linalg.svd(x, compute_uv=False)", "keras.ops.svd(x, compute_uv=False)"),
        torch="torch.linalg.svdvals(x)",
    ),
    Row(
        "matrix of its singular value decomposition",
        tf="""
            s, u, v = tf.linalg.svd(x)
            u @ tf.linalg.diag(s) @ tf.transpose(v)
        """,
        torch="""
            u, s, vh = torch.linalg.svd(x, full_matrices=False)
            u @ torch.diag(s) @ vh
        """,
        note="s, u, v in TensorFlow; u, s and the transposed v in PyTorch; full_matrices=False",
        without="""
            u, s, vh = torch.linalg.svd(x, full_matrices=False)
            u @ torch.diag(s) @ vh.T
        """,
        difference="D262",
    ),
    Row(
        "eigenvalues of a symmetric matrix",
        tf=("tf.linalg.eigvalsh(spd)", "keras.ops.eigh(spd)[0]"),
        torch="torch.linalg.eigvalsh(spd)",
        gradients=False,
    ),
    Row(
        "eigenvectors of a symmetric matrix",
        tf="""
            values, vectors = tf.linalg.eigh(spd)
            values, tf.abs(vectors)
        """,
        torch="""
            values, vectors = torch.linalg.eigh(spd)
            values, torch.abs(vectors)
        """,
        note="abs: the sign of each vector is arbitrary",
        names=("tf.linalg.eigh", "torch.linalg.eigh"),
        gradients=False,
        difference="D263",
    ),
    Row(
        "eigenvalues",
        tf="tf.sort(tf.math.real(tf.linalg.eigvals(spd)))",
        torch="torch.linalg.eigvals(spd).real.sort().values",
        note="their order is open",
        names=("tf.linalg.eigvals", "torch.linalg.eigvals"),
    ),
    Row("matrix exponential", tf="tf.linalg.expm(square)", torch="torch.linalg.matrix_exp(square)"),
    Row(
        "matrix power",
        tf="tf.linalg.matmul(square, tf.linalg.matmul(square, square))",
        torch="torch.linalg.matrix_power(square, 3)",
        names="torch.linalg.matrix_power",
    ),
    Row("rank", tf="tf.linalg.matrix_rank(tall)", torch="torch.linalg.matrix_rank(tall)"),
    Row(
        "Frobenius norm",
        tf=('tf.norm(x, ord="fro", axis=(0, 1))', 'keras.ops.norm(x, ord="fro")'),
        torch='torch.linalg.matrix_norm(x, ord="fro")',
    ),
    Row(
        "spectral norm",
        tf=("tf.norm(x, ord=2, axis=(0, 1))", "keras.ops.norm(x, ord=2)"),
        torch="torch.linalg.matrix_norm(x, ord=2)",
        note="axis=(0, 1): else tf.norm takes the norm of the flat vector",
        without="tf.norm(x, ord=2)",
        difference="D245",
    ),
    Row(
        "LU decomposition",
        tf="""
            lu, order = tf.linalg.lu(square)
            lu, order
        """,
        torch="""
            lu, pivots = torch.linalg.lu_factor(square)
            lu, torch.lu_unpack(lu, pivots)[0].T.argmax(1)
        """,
        note="a permutation in TensorFlow, pivots in PyTorch",
        names=("tf.linalg.lu", "torch.linalg.lu_factor"),
        gradients=False,
    ),
    Row(
        "distances between all points",
        tf="tf.norm(points[:, None] - others, axis=-1)",
        torch="torch.cdist(points, others)",
        names=("tf.norm", "torch.cdist"),
    ),
    Row("Fourier transform", tf="tf.signal.fft(z)", torch="torch.fft.fft(z)"),
    Row("inverse Fourier transform", tf="tf.signal.ifft(z)", torch="torch.fft.ifft(z)"),
    Row(
        "Fourier transform of real numbers",
        tf="tf.signal.rfft(signal)",
        torch="torch.fft.rfft(signal)",
    ),
    Row(
        "inverse Fourier transform of real numbers",
        tf="tf.signal.irfft(z, [12])",
        torch="torch.fft.irfft(z, 12)",
    ),
    Row("Fourier transform of two axes", tf="tf.signal.fft2d(z)", torch="torch.fft.fft2(z)"),
    Row("Fourier transform of two axes of real numbers", tf="tf.signal.rfft2d(x)", torch="torch.fft.rfft2(x)"),
    Row("zero frequency in the middle", tf="tf.signal.fftshift(x)", torch="torch.fft.fftshift(x)", within=EXACT),
    Row("zero frequency back at the start", tf="tf.signal.ifftshift(x)", torch="torch.fft.ifftshift(x)", within=EXACT),
    Row(
        "short-time Fourier transform",
        tf="tf.signal.stft(signal, 8, 4)",
        torch="torch.stft(signal, 8, 4, window=torch.hann_window(8), center=False, return_complex=True).mT",
        note="center=False, a Hann window, and time before frequency",
        without=(
            "torch.stft(signal, 8, 4, window=torch.hann_window(8), return_complex=True).mT",
            "torch.stft(signal, 8, 4, window=torch.ones(8), center=False, return_complex=True).mT",
        ),
        difference="D269",
    ),
    Row(
        "Hann window",
        tf="tf.signal.hann_window(7, dtype=tf.float64)",
        torch="torch.hann_window(7, periodic=False)",
        note="periodic=False where the length is odd: TensorFlow's is periodic for even lengths only",
        without="torch.hann_window(7)",
        difference="D270",
    ),
    Row(
        "Hamming window",
        tf="tf.signal.hamming_window(8, dtype=tf.float64)",
        torch="torch.hamming_window(8)",
    ),
    Row(
        "discrete cosine transform",
        tf='tf.signal.dct(x, norm="ortho")',
        torch="""
            angles = torch.pi / 7 * torch.outer(torch.arange(7) + 0.5, torch.arange(7))
            basis = torch.cos(angles) * (2 / 7) ** 0.5
            basis[:, 0] = 7**-0.5
            x @ basis
        """,
        note='norm="ortho" for the orthogonal one; PyTorch has none',
        without="tf.signal.dct(x)",
        names="tf.signal.dct",
        difference="D271",
    ),
)
