"""Images: sizes, colours, crops, boxes."""

from dualnet.rosetta.row import EXACT, FLOAT32, Row

IMAGES = "NHWC NCHW"

ROWS = (
    Row(
        "images resized, bilinear",
        tf=('tf.image.resize(photos, (7, 17), method="bilinear")', "keras.layers.Resizing(7, 17)(photos)"),
        torch='torch.nn.functional.interpolate(photos, (7, 17), mode="bilinear", align_corners=False)',
        note="align_corners=False; TensorFlow computes in float32",
        without='torch.nn.functional.interpolate(photos, (7, 17), mode="bilinear", align_corners=True)',
        result=IMAGES,
        within=FLOAT32,
        difference="D103",
    ),
    Row(
        "images resized, bilinear and antialiased",
        tf='tf.image.resize(photos, (5, 6), method="bilinear", antialias=True)',
        torch=(
            'torch.nn.functional.interpolate(photos, (5, 6), mode="bilinear", antialias=True)',
            "torchvision.transforms.v2.functional.resize(photos, (5, 6))",
        ),
        note="antialias=True: on by default in torchvision, off elsewhere",
        without=(
            'tf.image.resize(photos, (5, 6), method="bilinear")',
            'torch.nn.functional.interpolate(photos, (5, 6), mode="bilinear")',
        ),
        result=IMAGES,
        within=FLOAT32,
        gradients=False,
        difference="D110",
    ),
    Row(
        "images resized, nearest",
        tf='tf.image.resize(photos, (7, 17), method="nearest")',
        torch='torch.nn.functional.interpolate(photos, (7, 17), mode="nearest-exact")',
        note='mode="nearest-exact": "nearest" rounds down',
        without='torch.nn.functional.interpolate(photos, (7, 17), mode="nearest")',
        result=IMAGES,
        within=EXACT,
        difference="D105",
    ),
    Row(
        "images resized, bicubic",
        tf='tf.image.resize(photos, (17, 29), method="bicubic", antialias=True)',
        torch='torch.nn.functional.interpolate(photos, (17, 29), mode="bicubic", antialias=True)',
        note="antialias=True on both sides: else PyTorch's cubic is another one, TensorFlow's comes from a table",
        without='torch.nn.functional.interpolate(photos, (17, 29), mode="bicubic")',
        result=IMAGES,
        within=1e-5,
        gradients=False,
        difference="D106",
    ),
    Row(
        "images resized by whole areas",
        tf='tf.image.resize(photos[:, :, :12], (5, 4), method="area")',
        torch='torch.nn.functional.interpolate(photos[..., :12], (5, 4), mode="area")',
        note="for whole factors only: else TensorFlow weighs pixels by what is covered",
        result=IMAGES,
        within=FLOAT32,
        gradients=False,
        difference="D112",
    ),
    Row(
        "images cropped to a box",
        tf="tf.image.crop_to_bounding_box(photos, 1, 2, 5, 7)",
        torch=("photos[:, :, 1:6, 2:9]", "torchvision.transforms.v2.functional.crop(photos, 1, 2, 5, 7)"),
        names=("tf.image.crop_to_bounding_box", "torchvision.transforms.v2.functional.crop"),
        result=IMAGES,
        within=EXACT,
    ),
    Row(
        "images cropped to the middle",
        tf=("keras.layers.CenterCrop(6, 7)(photos)", "tf.image.resize_with_crop_or_pad(photos, 6, 7)"),
        torch="torchvision.transforms.v2.functional.center_crop(photos, (6, 7))",
        note="the middle is rounded where the rest is odd: down in TensorFlow, to even in torchvision",
        result=IMAGES,
        within=EXACT,
        difference="D286",
    ),
    Row(
        "images padded to a box",
        tf="tf.image.pad_to_bounding_box(photos, 1, 2, 14, 17)",
        torch="torch.nn.functional.pad(photos, (2, 2, 1, 3))",
        result=IMAGES,
        within=EXACT,
    ),
    Row(
        "images mirrored",
        tf=("tf.image.flip_left_right(photos)", "keras.ops.flip(photos, 2)"),
        torch=("photos.flip(-1)", "torchvision.transforms.v2.functional.horizontal_flip(photos)"),
        note="the axis of columns: 2 in TensorFlow, 3 in PyTorch",
        without="photos.flip(2)",
        result=IMAGES,
        within=EXACT,
        difference="D255",
    ),
    Row(
        "images upside down",
        tf="tf.image.flip_up_down(photos)",
        torch="torchvision.transforms.v2.functional.vertical_flip(photos)",
        result=IMAGES,
        within=EXACT,
    ),
    Row(
        "images transposed",
        tf="tf.image.transpose(photos)",
        torch="photos.mT",
        result=IMAGES,
        within=EXACT,
    ),
    Row(
        "images in gray",
        tf=("tf.image.rgb_to_grayscale(photos)", "keras.ops.image.rgb_to_grayscale(photos)"),
        torch="torchvision.transforms.v2.functional.rgb_to_grayscale(photos)",
        note="0.2989, 0.587, 0.114: the mean of colours is another gray",
        without="photos.mean(1, keepdim=True)",
        result=IMAGES,
        within=1e-3,
        difference="D290",
    ),
    Row(
        "gray images in colour",
        tf="tf.image.grayscale_to_rgb(photos[..., :1])",
        torch="photos[:, :1].expand(-1, 3, -1, -1)",
        result=IMAGES,
        within=EXACT,
    ),
    Row(
        "brighter images",
        tf="tf.image.adjust_brightness(photos, 0.25)",
        torch="photos + 0.25",
        note="by hand: torchvision's multiplies",
        without="torchvision.transforms.v2.functional.adjust_brightness(photos, 1.25)",
        names="tf.image.adjust_brightness",
        result=IMAGES,
        within=FLOAT32,
        difference="D284",
    ),
    Row(
        "images of more contrast",
        tf="tf.image.adjust_contrast(photos, 1.5)",
        torch="""
            mean = photos.mean((2, 3), keepdim=True)
            mean + 1.5 * (photos - mean)
        """,
        note="by hand, the mean of each colour: torchvision's is that of the gray image",
        without="torchvision.transforms.v2.functional.adjust_contrast(photos, 1.5)",
        names="tf.image.adjust_contrast",
        result=IMAGES,
        within=FLOAT32,
        gradients=False,
        difference="D283",
    ),
    Row(
        "images of another gamma",
        tf="tf.image.adjust_gamma(photos, 2.0, 0.5)",
        torch="torchvision.transforms.v2.functional.adjust_gamma(photos, 2.0, 0.5)",
        result=IMAGES,
        within=FLOAT32,
    ),
    Row(
        "images of other colours: hue",
        tf="tf.image.adjust_hue(photos, 0.125)",
        torch="torchvision.transforms.v2.functional.adjust_hue(photos, 0.125)",
        result=IMAGES,
        within=1e-5,
        gradients=False,
    ),
    Row(
        "images of mean 0 and variance 1",
        tf="tf.image.per_image_standardization(photos)",
        torch="""
            mean, std = photos.mean((1, 2, 3), keepdim=True), photos.std((1, 2, 3), correction=0, keepdim=True)
            (photos - mean) / std
        """,
        note="correction=0; TensorFlow bounds the deviation from below",
        without="""
            mean, std = photos.mean((1, 2, 3), keepdim=True), photos.std((1, 2, 3), keepdim=True)
            (photos - mean) / std
        """,
        names=("tf.image.per_image_standardization", "torch.Tensor.std"),
        result=IMAGES,
        within=FLOAT32,
    ),
    Row(
        "images normalized by colours",
        tf="keras.layers.Normalization(mean=[0.5, 0.25, 0.75], variance=[0.25, 0.0625, 4.0])(photos)",
        torch="torchvision.transforms.v2.functional.normalize(photos, [0.5, 0.25, 0.75], [0.5, 0.25, 2.0])",
        note="variances in Keras, deviations in torchvision",
        without="torchvision.transforms.v2.functional.normalize(photos, [0.5, 0.25, 0.75], [0.25, 0.0625, 4.0])",
        result=IMAGES,
    ),
    Row(
        "bytes to numbers between 0 and 1",
        tf=(
            "tf.image.convert_image_dtype(tf.cast(255 * photos, tf.uint8), tf.float64)",
            "tf.cast(tf.cast(255 * photos, tf.uint8), tf.float64) / 255",
        ),
        torch="""
            bytes = (255 * photos).to(torch.uint8)
            torchvision.transforms.v2.functional.to_dtype(bytes, torch.float64, scale=True)
        """,
        note="scale=True: divided by 255",
        without="torchvision.transforms.v2.functional.to_dtype((255 * photos).to(torch.uint8), torch.float64)",
        names=("tf.image.convert_image_dtype", "torchvision.transforms.v2.functional.to_dtype"),
        result=IMAGES,
        gradients=False,
        difference="D279",
    ),
    Row(
        "numbers between 0 and 1 to bytes",
        tf="tf.cast(tf.round(photos * 255), tf.uint8)",
        torch="torch.round(photos * 255).to(torch.uint8)",
        note="rounded by hand: each framework's own conversion rounds in another way",
        without=(
            "tf.image.convert_image_dtype(photos, tf.uint8)",
            "torchvision.transforms.v2.functional.to_dtype(photos, torch.uint8, scale=True)",
        ),
        names=("tf.cast", "torch.round"),
        result=IMAGES,
        difference="D236",
    ),
    Row(
        "images blurred",
        tf="""
            padded = tf.pad(photos, ((0, 0), (1, 1), (1, 1), (0, 0)), "REFLECT")
            keras.ops.image.gaussian_blur(padded, (3, 3), (0.75, 0.75))[:, 1:-1, 1:-1]
        """,
        torch="torchvision.transforms.v2.functional.gaussian_blur(photos, (3, 3), (0.75, 0.75))",
        note="reflected at the border first: Keras pads with zeros",
        without="keras.ops.image.gaussian_blur(photos, (3, 3), (0.75, 0.75))",
        names=("keras.ops.image.gaussian_blur", "torchvision.transforms.v2.functional.gaussian_blur"),
        result=IMAGES,
        difference="D289",
    ),
    Row(
        "total variation",
        tf="tf.image.total_variation(photos)",
        torch="photos.diff(dim=2).abs().sum((1, 2, 3)) + photos.diff(dim=3).abs().sum((1, 2, 3))",
        names="tf.image.total_variation",
    ),
    Row(
        "peak signal-to-noise ratio",
        tf="tf.image.psnr(photos, tf.square(photos), max_val=1.0)",
        torch="10 * torch.log10(1 / torch.square(photos - torch.square(photos)).mean((1, 2, 3)))",
        names="tf.image.psnr",
        within=1e-5,
        difference="D292",
    ),
    Row(
        "gradients of images",
        tf="tf.image.image_gradients(photos)",
        torch="""
            rows, columns = photos.diff(dim=2), photos.diff(dim=3)
            torch.nn.functional.pad(rows, (0, 0, 0, 1)), torch.nn.functional.pad(columns, (0, 1))
        """,
        names="tf.image.image_gradients",
        result=IMAGES,
        within=EXACT,
    ),
    Row(
        "boxes without those that overlap",
        tf="""
            boxes = tf.constant([[0.0, 0.0, 4.0, 2.0], [0.0, 0.0, 4.0, 3.0], [5.0, 1.0, 7.0, 6.0]])
            tf.image.non_max_suppression(boxes, [0.5, 0.75, 0.25], 3, iou_threshold=0.5)
        """,
        torch="""
            boxes = torch.tensor([[0.0, 0.0, 2.0, 4.0], [0.0, 0.0, 3.0, 4.0], [1.0, 5.0, 6.0, 7.0]])
            torchvision.ops.nms(boxes, torch.tensor([0.5, 0.75, 0.25]), iou_threshold=0.5)
        """,
        note="y first in TensorFlow, x first in torchvision, which the result does not show",
        names=("tf.image.non_max_suppression", "torchvision.ops.nms"),
        difference="D287",
    ),
    Row(
        "images at given places",
        tf="tf.image.crop_and_resize(photos[:1], [[0.0, 0.0, 1.0, 1.0]], [0], (5, 7))",
        torch="""
            y, x = torch.meshgrid(torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 7), indexing="ij")
            torch.nn.functional.grid_sample(photos[:1], torch.stack((x, y), -1)[None], align_corners=True)
        """,
        note="align_corners=True: TensorFlow samples from corner to corner; places are x, y",
        without="""
            y, x = torch.meshgrid(torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 7), indexing="ij")
            torch.nn.functional.grid_sample(photos[:1], torch.stack((x, y), -1)[None], align_corners=False)
        """,
        names=("tf.image.crop_and_resize", "torch.nn.functional.grid_sample"),
        result=IMAGES,
        within=FLOAT32,
        difference="D115",
    ),
    Row(
        "images moved",
        tf="""
            matrix = tf.constant([[1.0, 0.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.0]] * 2, tf.float64)
            keras.ops.image.affine_transform(photos, matrix, fill_mode="constant")
        """,
        torch="torchvision.transforms.v2.functional.affine(photos, 0.0, [-2, -1], 1.0, [0.0, 0.0])",
        note="added to the place that is read in Keras, to the one that is written in torchvision",
        without="torchvision.transforms.v2.functional.affine(photos, 0.0, [2, 1], 1.0, [0.0, 0.0])",
        names=("keras.ops.image.affine_transform", "torchvision.transforms.v2.functional.affine"),
        result=IMAGES,
        within=FLOAT32,
    ),
)
