"""Convolutions of all kinds: layers and functions."""

from dualnet.rosetta.row import EXACT, Row

IMAGES, SERIES, VOLUMES = "NHWC NCHW", "NTC NCT", "NDHWC NCDHW"
KERNEL = {"kernel": "weight.permute(2, 3, 1, 0)", "bias": "bias"}

ROWS = (
    Row(
        "convolution of images",
        tf="""
            layer = keras.layers.Conv2D(6, (3, 2), strides=1, padding="valid")
            layer(images)
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, (3, 2))
            layer(images)
        """,
        note="the kernel is height, width, in, out in Keras, out, in, height, width in PyTorch",
        weights=KERNEL,
        result=IMAGES,
        difference="D007",
    ),
    Row(
        "convolution that keeps the size",
        tf="""
            layer = keras.layers.Conv2D(6, 3, padding="same")
            layer(images)
        """,
        torch=(
            """
                layer = torch.nn.Conv2d(4, 6, 3, padding="same")
                layer(images)
            """,
            """
                layer = torch.nn.Conv2d(4, 6, 3, padding=1)
                layer(images)
            """,
        ),
        weights=KERNEL,
        result=IMAGES,
        difference="D004",
    ),
    Row(
        "convolution with a stride and padding of the same",
        tf="""
            layer = keras.layers.Conv2D(6, 3, strides=2, padding="same")
            layer(images)
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, 3, stride=2)
            layer(torch.nn.functional.pad(images, (1, 1, 0, 1)))
        """,
        note="pad by hand: of 10 rows TensorFlow pads the end alone, of 13 columns both ends",
        without=(
            """
                layer = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1)
                layer(images)
            """,
            """
                layer = torch.nn.Conv2d(4, 6, 3, stride=2, padding="same")
                layer(images)
            """,
        ),
        weights=KERNEL,
        result=IMAGES,
        difference="D001",
    ),
    Row(
        "convolution with PyTorch's padding and a stride",
        tf="""
            layer = keras.layers.Conv2D(6, 3, strides=2, padding="valid")
            layer(keras.layers.ZeroPadding2D(1)(images))
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1)
            layer(images)
        """,
        note='ZeroPadding2D: padding="same" pads the end alone where the size is even',
        without="""
            layer = keras.layers.Conv2D(6, 3, strides=2, padding="same")
            layer(images)
        """,
        weights=KERNEL,
        names=("keras.layers.Conv2D", "keras.layers.ZeroPadding2D", "torch.nn.Conv2d"),
        result=IMAGES,
        difference="D001",
    ),
    Row(
        "convolution with an even kernel that keeps the size",
        tf="""
            layer = keras.layers.Conv2D(6, 4, padding="same")
            layer(images)
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, 4, padding="same")
            layer(images)
        """,
        note='padding="same": the additional zero is at the end; padding=2 gives another size',
        without="""
            layer = torch.nn.Conv2d(4, 6, 4, padding=2)
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D004",
    ),
    Row(
        "dilated convolution",
        tf="""
            layer = keras.layers.Conv2D(6, 3, dilation_rate=2, padding="same")
            layer(images)
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, 3, dilation=2, padding=2)
            layer(images)
        """,
        note="padding=2: dilation * (kernel - 1) / 2",
        without="""
            layer = torch.nn.Conv2d(4, 6, 3, dilation=2, padding=1)
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D005",
    ),
    Row(
        "dilated convolution with a stride",
        tf="""
            layer = keras.layers.Conv2D(6, 3, dilation_rate=2)
            layer(images)[:, ::2, ::2]
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, 3, dilation=2, stride=2)
            layer(images)
        """,
        note="Keras refuses both at once: take every second pixel",
        without="""
            layer = keras.layers.Conv2D(6, 3, dilation_rate=2, strides=2)
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D023",
    ),
    Row(
        "convolution in groups",
        tf="""
            layer = keras.layers.Conv2D(6, 3, groups=2)
            layer(images)
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, 3, groups=2)
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D012",
    ),
    Row(
        "convolution of one pixel",
        tf="""
            layer = keras.layers.Conv2D(6, 1, use_bias=False)
            layer(images)
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 6, 1, bias=False)
            layer(images)
        """,
        weights={"kernel": "weight.permute(2, 3, 1, 0)"},
        result=IMAGES,
        difference="D007",
    ),
    Row(
        "convolution of each channel",
        tf="""
            layer = keras.layers.DepthwiseConv2D(3, depth_multiplier=2)
            layer(images)
        """,
        torch="""
            layer = torch.nn.Conv2d(4, 8, 3, groups=4)
            layer(images)
        """,
        note="groups = channels, channels * depth_multiplier outputs",
        without="""
            layer = torch.nn.Conv2d(4, 8, 3)
            layer(images)
        """,
        weights={"kernel": "weight.reshape(4, 2, 3, 3).permute(2, 3, 0, 1)", "bias": "bias"},
        result=IMAGES,
        difference="D011",
    ),
    Row(
        "convolution of each channel, then of one pixel",
        tf="""
            layer = keras.layers.SeparableConv2D(6, 3)
            layer(images)
        """,
        torch="""
            layer = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4, bias=False), torch.nn.Conv2d(4, 6, 1))
            layer(images)
        """,
        note="bias=False for the first: Keras has one bias",
        without="""
            layer = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4), torch.nn.Conv2d(4, 6, 1))
            layer(images)
        """,
        weights={
            "depthwise_kernel": "layer[0].weight.permute(2, 3, 0, 1)",
            "pointwise_kernel": "layer[1].weight.permute(2, 3, 1, 0)",
            "bias": "layer[1].bias",
        },
        names=("keras.layers.SeparableConv2D", "torch.nn.Conv2d"),
        result=IMAGES,
        difference="D018",
    ),
    Row(
        "convolution of series",
        tf="""
            layer = keras.layers.Conv1D(6, 3, strides=2)
            layer(series)
        """,
        torch="""
            layer = torch.nn.Conv1d(4, 6, 3, stride=2)
            layer(series)
        """,
        weights={"kernel": "weight.permute(2, 1, 0)", "bias": "bias"},
        result=SERIES,
        difference="D009",
    ),
    Row(
        "causal convolution",
        tf="""
            layer = keras.layers.Conv1D(6, 3, dilation_rate=2, padding="causal")
            layer(series)
        """,
        torch="""
            layer = torch.nn.Conv1d(4, 6, 3, dilation=2)
            layer(torch.nn.functional.pad(series, (4, 0)))
        """,
        note="pad the past by dilation * (kernel - 1)",
        without="""
            layer = torch.nn.Conv1d(4, 6, 3, dilation=2, padding="same")
            layer(series)
        """,
        weights={"kernel": "weight.permute(2, 1, 0)", "bias": "bias"},
        result=SERIES,
        difference="D006",
    ),
    Row(
        "convolution of volumes",
        tf="""
            layer = keras.layers.Conv3D(6, (3, 2, 2))
            layer(volumes)
        """,
        torch="""
            layer = torch.nn.Conv3d(4, 6, (3, 2, 2))
            layer(volumes)
        """,
        weights={"kernel": "weight.permute(2, 3, 4, 1, 0)", "bias": "bias"},
        result=VOLUMES,
        difference="D010",
    ),
    Row(
        "transposed convolution",
        tf="""
            layer = keras.layers.Conv2DTranspose(6, (3, 2), strides=2, padding="valid")
            layer(images)
        """,
        torch="""
            layer = torch.nn.ConvTranspose2d(4, 6, (3, 2), stride=2)
            layer(images)
        """,
        note="the kernel is height, width, out, in in Keras, in, out, height, width in PyTorch",
        weights=KERNEL,
        result=IMAGES,
        difference="D013",
    ),
    Row(
        "transposed convolution that doubles the size, even kernel",
        tf="""
            layer = keras.layers.Conv2DTranspose(6, 4, strides=2, padding="same")
            layer(images)
        """,
        torch="""
            layer = torch.nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1)
            layer(images)
        """,
        note="padding = (kernel - stride) / 2, where that is whole",
        without="""
            layer = torch.nn.ConvTranspose2d(4, 6, 4, stride=2)
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D015",
    ),
    Row(
        "transposed convolution that doubles the size, odd kernel",
        tf="""
            layer = keras.layers.Conv2DTranspose(6, 3, strides=2, padding="same")
            layer(images)
        """,
        torch="""
            layer = torch.nn.ConvTranspose2d(4, 6, 3, stride=2)
            layer(images)[:, :, :20, :26]
        """,
        note="crop the end: PyTorch's padding=1 crops the start",
        without="""
            layer = torch.nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1)
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D014",
    ),
    Row(
        "transposed convolution with PyTorch's padding",
        tf="""
            layer = keras.layers.Conv2DTranspose(6, 3, strides=2, padding="same", output_padding=0)
            layer(images)
        """,
        torch="""
            layer = torch.nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1)
            layer(images)
        """,
        note="output_padding=0: Keras adds a row and a column at the end otherwise",
        without="""
            layer = keras.layers.Conv2DTranspose(6, 3, strides=2, padding="same")
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D016",
    ),
    Row(
        "transposed convolution of series",
        tf="""
            layer = keras.layers.Conv1DTranspose(6, 3, strides=2)
            layer(series)
        """,
        torch="""
            layer = torch.nn.ConvTranspose1d(4, 6, 3, stride=2)
            layer(series)
        """,
        weights={"kernel": "weight.permute(2, 1, 0)", "bias": "bias"},
        result=SERIES,
        difference="D013",
    ),
    Row(
        "transposed convolution with a stride longer than the kernel",
        tf="""
            layer = keras.layers.Conv2DTranspose(6, 2, strides=3)
            layer(images)
        """,
        torch="""
            layer = torch.nn.ConvTranspose2d(4, 6, 2, stride=3, output_padding=1)
            layer(images)
        """,
        note="output_padding = stride - kernel: Keras fills up to whole strides",
        without="""
            layer = torch.nn.ConvTranspose2d(4, 6, 2, stride=3)
            layer(images)
        """,
        weights=KERNEL,
        result=IMAGES,
        difference="D017",
    ),
    Row(
        "convolution of images, as a function",
        tf=('tf.nn.conv2d(images, kernel, strides=2, padding="VALID")', "keras.ops.conv(images, kernel, strides=2)"),
        torch="torch.nn.functional.conv2d(images, kernel, stride=2)",
        note="padding: TensorFlow has no default, PyTorch's is 0",
        result=IMAGES,
        difference="D007",
    ),
    Row(
        "convolution of series, as a function",
        tf='tf.nn.conv1d(series, kernel1, stride=1, padding="VALID")',
        torch="torch.nn.functional.conv1d(series, kernel1)",
        result=SERIES,
        difference="D009",
    ),
    Row(
        "convolution of volumes, as a function",
        tf='tf.nn.conv3d(volumes, kernel3, strides=(1, 1, 1, 1, 1), padding="VALID")',
        torch="torch.nn.functional.conv3d(volumes, kernel3)",
        result=VOLUMES,
        difference="D010",
    ),
    Row(
        "transposed convolution, as a function",
        tf='tf.nn.conv2d_transpose(images, kernel_up, (2, 20, 26, 6), strides=2, padding="SAME")',
        torch="torch.nn.functional.conv_transpose2d(images, kernel_up, stride=2, padding=1)",
        note="padding = (kernel - stride) / 2; TensorFlow is told the size of the result",
        without="torch.nn.functional.conv_transpose2d(images, kernel_up, stride=2)",
        result=IMAGES,
        difference="D015",
    ),
    Row(
        "convolution as numpy means it",
        tf='tf.nn.conv1d(v[None, :, None], bias[::-1, None, None], 1, "VALID")[0, :, 0]',
        torch="torch.nn.functional.conv1d(v[None, None], bias.flip(0)[None, None])[0, 0]",
        note="the kernel turned: convolutions of both frameworks are correlations",
        without="torch.nn.functional.conv1d(v[None, None], bias[None, None])[0, 0]",
        names=("tf.nn.conv1d", "torch.nn.functional.conv1d"),
        difference="D272",
    ),
    Row(
        "images padded with zeros, layer",
        tf="keras.layers.ZeroPadding2D(((1, 2), (3, 4)))(images)",
        torch="torch.nn.ZeroPad2d((3, 4, 1, 2))(images)",
        note="columns first in PyTorch",
        without="torch.nn.ZeroPad2d((1, 2, 3, 4))(images)",
        result=IMAGES,
        within=EXACT,
        difference="D026",
    ),
    Row(
        "images cropped, layer",
        tf="keras.layers.Cropping2D(((1, 2), (3, 4)))(images)",
        torch="images[:, :, 1:-2, 3:-4]",
        result=IMAGES,
        within=EXACT,
    ),
)
