// lamp-lykta - table lamp, linen shade on a green stoneware foot.
// View 1 front (off), 2 same camera with the lamp lit, 3 detail of the neck.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#ifndef (LampOn) #if (View = 2) #declare LampOn = 1; #else #declare LampOn = 0; #end #end
#include "materials.inc"
#ifndef (LampPower) #declare LampPower = 0.7; #declare LampFade = 4; #declare LampBulb = 1; #end

#declare LampFoot = array[7] { <0,0,0>, <1.6,0,0.12>, <2.9,0.5,1.2>, <2.7,3.6,1.9>, <0.55,4.6,0.8>, <0.5,5.3,0.1>, <0,5.3,0> };
#declare LampNeck = array[6] { <0,5.15,0>, <0.7,5.15,0.08>, <0.7,5.4,0.08>, <0.28,5.5,0.12>, <0.28,7.4,0>, <0,7.4,0> };
#declare ShadeOut = array[4] { <3.62,5.75,0>, <3.7,5.75,0.04>, <2.45,10.4,0.04>, <2.37,10.4,0> };
#declare ShadeIn  = array[2] { <3.62,5.75,0>, <2.37,10.4,0> };

#declare T_Linen = texture {
  pigment { average pigment_map {
      [1 gradient y color_map { [0 rgb <0.74, 0.66, 0.53>] [0.5 rgb <0.82, 0.75, 0.62>] [1 rgb <0.74, 0.66, 0.53>] } scale 0.055 warp { turbulence 0.06 octaves 2 }]
      [1 radial color_map { [0 rgb <0.72, 0.64, 0.51>] [0.5 rgb <0.83, 0.76, 0.63>] [1 rgb <0.72, 0.64, 0.51>] } frequency 330] } }
  finish { diffuse 0.82 } }
// the lit shade glows, brightest next to the bulb
#declare T_LinenLit = texture {
  pigment { spherical color_map { [0 rgb <1, 0.60, 0.28>*0.55] [0.55 rgb <1, 0.72, 0.40>*0.95] [1 rgb <1, 0.80, 0.50>*1.12] } scale 5.2 translate y*8.1 }
  finish { diffuse 0.10 emission K } }

#declare Lamp = union {
  object { Turned(LampFoot, 144) texture { P_Speckle(<0.085, 0.20, 0.135>, <0.03, 0.07, 0.05>, 0.32) finish { F_Gloss } } interior { I_Solid } }
  object { Turned(LampNeck, 72) material { M_Brass } }
  object { Turned(ShadeOut, 160) #if (LampOn) texture { T_LinenLit } #ifndef (AsModel) no_shadow #end #else texture { T_Linen } #end }
  object { Turned(ShadeIn, 160) texture { pigment { rgb <0.9, 0.86, 0.78> } finish { diffuse 0.8 emission LampOn*0.5*K } } #ifndef (AsModel) #if (LampOn) no_shadow #end #end }
  // stitched seams of the shade
  torus { 3.7, 0.055 translate y*5.78 texture { pigment { rgb <0.52, 0.42, 0.30> } } }
  torus { 2.45, 0.055 translate y*10.38 texture { pigment { rgb <0.52, 0.42, 0.30> } } }
  // bulb
  sphere { <0, 8, 0>, 0.75 texture { pigment { rgb <1, 0.9, 0.75> } finish { diffuse 0.7 emission LampOn*0.8*K } } no_shadow }
  // pull chain
  #for (I, 0, 13) sphere { <1.3, 5.85-I*0.16, -0.9>, 0.07 material { M_Brass } } #end
  sphere { <1.3, 3.55, -0.9>, 0.16 material { M_Brass } }
  #if (LampOn)
    light_source { <0, 7.9, 0> rgb <1, 0.66, 0.34>*LampPower*K fade_distance LampFade fade_power 2 area_light x*LampBulb, z*LampBulb, 9, 9 circular orient adaptive 1 }
  #end
}

#ifndef (AsModel)
  Studio(1-0.22*LampOn)
  object { Lamp rotate y*-12 }
  #switch (View)
    #case (1) #case (2) Shot(<0, 10, -54>, <0, 5.25, 0>, 13.6) #break
    #case (3) Shot(<-14, 12, -36>, <0.2, 5.3, 0>, 10.5) #break
  #end
#end
