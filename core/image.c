/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/image.h"

void mp_image_freep(struct mp_image **image)
{
	if (!*image)
		return;
	mp_freep(&(*image)->reference);
	mp_freep(&(*image)->id);
	mp_freep(&(*image)->architecture);
	mp_freep(&(*image)->variant);
	mp_freep(&(*image)->os);
	mp_freep(&(*image)->created);
	mp_json_freep(&(*image)->config_json);
	mp_image_config_free(&(*image)->config);
	mp_strv_free(&(*image)->layer_dirs);
	mp_freep(image);
}
